"""Real models, calls and runs, and what becomes of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from penstock_contracts.model_card import Column
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.model.columns import plan_columns
from penstock_predictor.model.inference import Feeds, ServedModel
from penstock_predictor.model.session import OnnxSession
from penstock_predictor.serving.call import NOBODY, Call, CallOutcome, Deadline, Origin

IDENTITY = ModelIdentity(name="m", version="7", digest="sha256:" + "0" * 64)


class NamedCall(Call):
    """A call that says who asked."""

    __slots__ = ("asked",)

    def __init__(self, feeds: Feeds, outputs: tuple[str, ...], *, rows: int, origin: Origin = NOBODY) -> None:
        super().__init__(feeds, outputs, Deadline.after(60), size=100)
        self.rows = rows
        self.asked = origin

    def origin(self) -> Origin:
        return self.asked

    def finish(self, outcome: CallOutcome) -> None:
        raise AssertionError("nobody asked for an answer here")


LoadModel = Callable[..., ServedModel]


@pytest.fixture
def load_model(tmp_path: Path) -> LoadModel:
    """Load what a builder of `tiny_models` writes, with a signature's columns where they are given."""

    def load(build: Callable[[Path], Path], columns: Sequence[Column] | None = None) -> ServedModel:
        session = OnnxSession(build(tmp_path / "model.onnx"), threads=1)
        return ServedModel(IDENTITY, session, plan_columns(columns, session.inputs), max_output_bytes=2**20)

    return load
