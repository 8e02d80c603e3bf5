"""The digest's exact bytes: store and predictor compute it apart from each other."""

import hashlib

import pytest

from penstock_contracts.base import evolve
from penstock_contracts.digest import digest_of
from penstock_contracts.model_card import ModelFile

MODEL = ModelFile(path="model.onnx", size=3, sha256="a" * 64)
EXAMPLE = ModelFile(path="input_example.json", size=5, sha256="b" * 64)


def test_it_is_the_sha256_of_tab_separated_lines_sorted_by_path() -> None:
    lines = b"input_example.json\t5\t" + b"b" * 64 + b"\nmodel.onnx\t3\t" + b"a" * 64 + b"\n"

    assert digest_of([MODEL, EXAMPLE]) == f"sha256:{hashlib.sha256(lines).hexdigest()}"


def test_the_order_in_which_files_are_given_does_not_matter() -> None:
    assert digest_of([MODEL, EXAMPLE]) == digest_of([EXAMPLE, MODEL])


@pytest.mark.parametrize(
    "other",
    [
        evolve(MODEL, path="other.onnx"),
        evolve(MODEL, size=4),
        evolve(MODEL, sha256="c" * 64),
    ],
    ids=["path", "size", "content"],
)
def test_every_part_of_a_file_changes_it(other: ModelFile) -> None:
    assert digest_of([MODEL]) != digest_of([other])


def test_names_beyond_ascii_count_as_utf8() -> None:
    file = ModelFile(path="gewichte-ü.bin", size=1, sha256="d" * 64)
    line = "gewichte-ü.bin\t1\t".encode() + b"d" * 64 + b"\n"

    assert digest_of([file]) == f"sha256:{hashlib.sha256(line).hexdigest()}"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "no files"),
        ([MODEL, MODEL], "occurs twice"),
        ([evolve(MODEL, path="a\tb")], "control character"),
        ([evolve(MODEL, path="a\nb")], "control character"),
    ],
    ids=["none", "one path twice", "tab", "line feed"],
)
def test_what_could_be_read_in_two_ways_is_refused(files: list[ModelFile], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        digest_of(files)
