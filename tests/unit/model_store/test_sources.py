import os
from pathlib import Path

import pytest

from penstock_model_store.errors import (
    ArtifactsMissing,
    ArtifactTooLarge,
    LinkRefused,
    SourceRefused,
    SpecialFileRefused,
    TooManyFiles,
)
from penstock_model_store.layout import Listed
from penstock_model_store.sources import ArtifactSource, Budget, LocalSource, opened_source


def opened(uri: str, *roots: Path) -> ArtifactSource:
    return opened_source(
        uri,
        tracking_uri="https://mlflow.example:5000",
        schemes=("mlflow-artifacts", "s3"),
        local_roots=[str(root) for root in roots],
    )


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("file:///etc", "store's own machine"),
        ("/etc", "store's own machine"),
        ("http://169.254.169.254/latest/meta-data", "http: location"),
        ("ftp://host/x", "ftp: location"),
        ("mlflow-artifacts://thief.example:5000/1/model", "not its registry"),
    ],
)
def test_a_location_that_was_not_allowed_is_refused(uri: str, said: str) -> None:
    with pytest.raises(SourceRefused, match=said):
        opened(uri)


def test_a_way_out_of_an_allowed_folder_is_refused(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "way-out").symlink_to("/etc")

    with pytest.raises(SourceRefused):
        opened(f"file://{allowed}/../..", allowed)
    with pytest.raises(SourceRefused):
        opened(f"file://{allowed}/way-out", allowed)


def test_an_allowed_folder_is_listed_with_sizes(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "weights.bin").write_bytes(b"123")
    (tmp_path / "model.onnx").write_bytes(b"1")

    assert opened(tmp_path.as_uri(), tmp_path).files(2) == [
        Listed(path="data/weights.bin", size=3),
        Listed(path="model.onnx", size=1),
    ]


def test_a_folder_that_is_gone_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(ArtifactsMissing):
        opened(f"file://{tmp_path}/gone", tmp_path).files(10)


def test_more_files_than_allowed_are_refused(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_text("x")

    with pytest.raises(TooManyFiles, match="more than 2 files"):
        LocalSource(tmp_path).files(2)


def test_folders_without_end_are_refused(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 20)
    deep.mkdir(parents=True)

    with pytest.raises(TooManyFiles, match="nested too deep"):
        LocalSource(tmp_path).files(10)


def _symlink(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _hard_link(path: Path) -> None:
    path.write_text("x")
    os.link(path, path.with_name("second"))


def _socket_or_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "refusal"), [(_symlink, LinkRefused), (_hard_link, LinkRefused), (_socket_or_pipe, SpecialFileRefused)]
)
def test_what_is_no_plain_file_is_refused_when_listed_and_again_when_copied(
    make: object, refusal: type[Exception], tmp_path: Path
) -> None:
    assert callable(make)
    source = tmp_path / "source"
    source.mkdir()
    make(source / "model.onnx")

    with pytest.raises(refusal, match=r"model\.onnx"):
        LocalSource(source).files(10)
    with pytest.raises(refusal, match=r"model\.onnx"):
        LocalSource(source).fetch(Listed(path="model.onnx", size=1), tmp_path / "copy")


def test_a_copy_within_the_budget_is_exact(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    budget = Budget(10)

    budget.fetch(LocalSource(tmp_path), Listed(path="a", size=5), tmp_path / "out" / "a")

    assert (tmp_path / "out" / "a").read_bytes() == b"12345"


def test_files_count_against_the_budget_together(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    budget = Budget(9)
    budget.fetch(LocalSource(tmp_path), Listed(path="a", size=5), tmp_path / "first")

    with pytest.raises(ArtifactTooLarge, match="larger than 9 bytes"):
        budget.fetch(LocalSource(tmp_path), Listed(path="a", size=5), tmp_path / "second")


def test_a_file_larger_than_it_was_listed_is_stopped_while_it_is_copied(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(64 * 2**20)

    with pytest.raises(ArtifactTooLarge):
        Budget(2 * 2**20).fetch(LocalSource(tmp_path), Listed(path="a", size=1), tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_size <= 2 * 2**20
