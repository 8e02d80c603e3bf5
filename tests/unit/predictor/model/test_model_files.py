"""Which cards are believed, and which bytes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from penstock_contracts.digest import digest_of
from penstock_contracts.model_card import ModelFile
from penstock_predictor.errors import CardInvalid, DigestMismatch, FileInvalid
from penstock_predictor.model.model_files import check_digest, parse_card, read_card, verify

BYTES = b"not onnx, but bytes"
GOLDEN = {
    "source": "Signature",
    "request": {"inputs": []},
    "response": {"model_name": "m", "outputs": []},
}


def listed(path: str, content: bytes = BYTES) -> ModelFile:
    return ModelFile(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def card(*paths: str, **changes: Any) -> bytes:
    files = [listed(path) for path in paths or ("model.onnx",)]
    digest = digest_of(files) if len(set(paths)) == len(paths) else "sha256:" + "0" * 64
    body = {
        "digest": digest,
        "files": [file.model_dump() for file in files],
        "model_path": files[0].path,
        "inputs": [],
        "outputs": [],
        "golden": GOLDEN,
    }
    return json.dumps(body | changes).encode()


def test_a_good_card_with_files_in_folders() -> None:
    parsed = parse_card(card("model.onnx", "weights/part-0.bin", "..data/x", "a b"), source="card")
    assert [file.path for file in parsed.files] == ["model.onnx", "weights/part-0.bin", "..data/x", "a b"]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../model.onnx",
        "a/../../b",
        "a/..",
        "./model.onnx",
        "a//b",
        "",
        "a/",
        "..\\model.onnx",
        "C:\\model.onnx",
        "nul\0byte",
        "card.json",
        ".partial/model.onnx",
    ],
)
def test_a_card_with_an_unsafe_path_is_refused(path: str) -> None:
    with pytest.raises(CardInvalid, match="names the unsafe path"):
        parse_card(card(path, digest="sha256:" + "0" * 64) if "\0" not in path else _with_nul(), source="card")


def _with_nul() -> bytes:
    return card("placeholder").replace(b"placeholder", b"nul\\u0000byte")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", "card from x is not a model card: body: Invalid JSON"),
        (b"{}", "card from x is not a model card: digest: Field required"),
        (card(digest="sha256:" + "1" * 64), "says sha256:1111"),
        (card(model_path="other.onnx"), "model_path 'other.onnx' is not among its files"),
        (card("m", "m"), "a path occurs twice"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(CardInvalid) as refusal:
        parse_card(body, source="card from x")
    assert message in str(refusal.value)


def test_a_folder_without_a_card_has_none(tmp_path: Path) -> None:
    assert read_card(tmp_path) is None


def test_a_card_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "card.json").mkdir()
    with pytest.raises(CardInvalid, match=r"card\.json cannot be read: Is a directory"):
        read_card(tmp_path)


def test_whole_files_pass(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(BYTES)
    parsed = parse_card(card(), source="card")
    verify(tmp_path, parsed)
    assert parsed.digest == digest_of([listed("model.onnx")])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BYTES[:-1], "file 'model.onnx': expected 19 bytes, got 18"),
        (BYTES.upper(), "file 'model.onnx': expected sha256 "),
    ],
    ids=["truncated", "other bytes"],
)
def test_other_bytes_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(FileInvalid) as refusal:
        verify(tmp_path, parse_card(card(), source="card"))
    assert message in str(refusal.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileInvalid, match=r"model\.onnx cannot be read: No such file"):
        verify(tmp_path, parse_card(card(), source="card"))


def test_a_link_out_of_the_folder_is_refused_whatever_it_points_at(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(BYTES)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.onnx").symlink_to(outside)
    with pytest.raises(FileInvalid, match="is not a regular file inside"):
        verify(folder, parse_card(card(), source="card"))


def test_another_digest_than_the_one_asked_for() -> None:
    with pytest.raises(DigestMismatch, match="x: expected sha256:a, got sha256:b: fetch the model again"):
        check_digest("sha256:b", "sha256:a", source="x")
    check_digest("sha256:b", "", source="nothing was asked for")
