"""Real models, small, and whoever asks them."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from penstock_predictor.errors import RequestError
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.model.columns import NoColumns
from penstock_predictor.model.inference import Feeds, ServedModel
from penstock_predictor.model.session import OnnxSession
from penstock_predictor.serving.call import Call, CallOutcome
from penstock_predictor.tensors.arrays import Array

PATIENCE = 20
"""Seconds until something that must happen is given up."""
IDENTITY = ModelIdentity(name="m", version="1", digest="sha256:" + "0" * 64)


class GatedModel(ServedModel):
    """A model whose runs can be held up, and which notes the thread of each."""

    def __init__(self, file: Path) -> None:
        super().__init__(IDENTITY, OnnxSession(file, threads=1), NoColumns("none"), max_output_bytes=2**20)
        self.gate = threading.Event()
        self.gate.set()
        self.threads: list[int] = []

    def run(self, feeds: Feeds, outputs: Sequence[str]) -> list[Array]:
        self.threads.append(threading.get_ident())
        assert self.gate.wait(PATIENCE)
        return super().run(feeds, outputs)


class HeardCall(Call):
    """Keeps its outcome."""

    __slots__ = ("heard",)

    def finish(self, outcome: CallOutcome) -> None:
        assert not hasattr(self, "heard"), "told twice"
        self.heard = outcome

    @property
    def done(self) -> bool:
        return hasattr(self, "heard")

    @property
    def arrays(self) -> Sequence[Array]:
        assert not isinstance(self.heard, RequestError), self.heard
        return self.heard.arrays

    @property
    def error(self) -> RequestError:
        assert isinstance(self.heard, RequestError)
        return self.heard


MakeModel = Callable[[Callable[[Path], Path]], GatedModel]


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """Load what a builder of `tiny_models` writes."""
    return lambda build: GatedModel(build(tmp_path / "model.onnx"))
