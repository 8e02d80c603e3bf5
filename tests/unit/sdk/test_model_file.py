import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.errors import FileNotTrusted, ModelRefused, UnknownKind
from penstock.model_file import opened_model


class _Touches:
    """Unpickling it leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self._trace}",)


@pytest.mark.parametrize("ending", [".pkl", ".joblib", ".pt"])
def test_a_pickle_that_nobody_said_to_trust_is_not_opened(tmp_path: Path, ending: str) -> None:
    file, trace = tmp_path / f"model{ending}", tmp_path / "trace"
    file.write_bytes(pickle.dumps(_Touches(trace)))
    with pytest.raises(FileNotTrusted, match=r"runs whatever code is in it, here, as you.*trust_pickle=True"):
        opened_model(file, trust_pickle=False)
    assert not trace.exists()


def test_a_trusted_pickle_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "model.pkl"
    file.write_bytes(pickle.dumps({"a": 1}))
    assert opened_model(file, trust_pickle=True) == {"a": 1}


def test_a_file_that_cannot_be_read_is_told_with_its_reason(tmp_path: Path) -> None:
    file = tmp_path / "model.pkl"
    file.write_bytes(b"cgone_module\nGone\n.")
    with pytest.raises(ModelRefused, match=r"No module named 'gone_module'.*where it was made"):
        opened_model(file, trust_pickle=True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("model.ubj", r"xgboost\.Booster\(model_file=file\)"),
        ("model.keras", r"tf2onnx"),
        ("weights.safetensors", "load_state_dict"),
        ("model.rds", "load it, and give that"),
    ],
)
def test_a_file_of_another_kind_comes_with_what_to_do(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UnknownKind, match=said):
        opened_model(tmp_path / name, trust_pickle=True)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnknownKind, match="does not exist"):
        opened_model(tmp_path / "model.onnx", trust_pickle=False)
