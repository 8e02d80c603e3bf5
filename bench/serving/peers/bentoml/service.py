"""A BentoML service. Its decorator takes the settings when this is imported."""

import base64
import os
from typing import Any

import bentoml
import numpy as np
import onnxruntime

WORKERS, BATCH, WAIT_MS = (int(os.environ[name]) for name in ("WORKERS", "BATCH", "WAIT_MS"))


class Onnx:
    """onnxruntime with one thread."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.model = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        self.name = self.model.get_inputs()[0].name

    def run(self, rows: Any) -> Any:
        """Return the outputs."""
        return self.model.run(None, {self.name: np.asarray(rows, dtype=np.float32)})

    @bentoml.api
    async def tensor(self, tensor: str) -> dict[str, Any]:
        """An image's bytes in base64: no binary form without a file on disk is open to callers."""
        image = np.frombuffer(base64.b64decode(tensor), dtype=np.float32).reshape(-1, 3, 224, 224)
        [probabilities] = self.run(image)
        return {"probabilities": probabilities.tolist()}


def per_row(label: Any, probabilities: Any) -> list[dict[str, Any]]:
    """Return a list as long as the input: BentoML can split that again after a batch."""
    pairs = zip(label.tolist(), probabilities.tolist(), strict=True)
    return [{"label": one, "probabilities": each} for one, each in pairs]


@bentoml.service(name="single", workers=WORKERS, traffic={"timeout": 30})
class Single(Onnx):
    """A run for each request, in the event loop: a thread would only add to it."""

    @bentoml.api
    async def predict(self, rows: np.ndarray) -> list[dict[str, Any]]:
        """Table rows."""
        return per_row(*self.run(rows))


@bentoml.service(name="batched", workers=WORKERS, traffic={"timeout": 30})
class Batched(Onnx):
    """Adaptive batching."""

    @bentoml.api(batchable=True, max_batch_size=max(BATCH, 2), max_latency_ms=max(WAIT_MS, 1))
    def predict(self, rows: np.ndarray) -> list[dict[str, Any]]:
        """Table rows of several requests."""
        return per_row(*self.run(rows))


Served = Batched if BATCH else Single
