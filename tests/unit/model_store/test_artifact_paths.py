import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_model_store.artifact_paths import MAX_PATH, checked_path, is_plain, joined, parent_of
from penstock_model_store.errors import PathRefused


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "..", "../x", "a/../../x", "a/..", ".", "./x", "a//b", "a/", "a\\b", "C:/x", "a\0b", "a\nb",
     "a\x7fb", "\udc80", "x" * (MAX_PATH + 1)],
)  # fmt: skip
def test_a_path_that_could_mean_another_place_is_refused(path: str) -> None:
    with pytest.raises(PathRefused, match="plain relative path"):
        checked_path(path)


@pytest.mark.parametrize("path", ["model.onnx", "data/weights.bin", "..hidden", "a..b", "onnx::MatMul_1", "gewichte ü"])
def test_a_plain_relative_path_is_taken_as_it_is(path: str) -> None:
    assert checked_path(path) == path


@given(st.text(alphabet="./\\ab:\0", max_size=12))
def test_no_accepted_path_leaves_its_folder(path: str) -> None:
    if is_plain(path):
        depth = 0
        for part in path.split("/"):
            depth += -1 if part == ".." else 1
            assert depth > 0
        assert not path.startswith("/")


def test_folder_and_name_go_together() -> None:
    assert parent_of("model.onnx") == ""
    assert parent_of("a/b/model.onnx") == "a/b"
    assert joined("", "x") == "x"
    assert joined("a/b", "x") == "a/b/x"
