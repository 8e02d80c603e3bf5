"""mosec: its HTTP server is Rust, a worker is a Python process behind a Unix socket."""

import argparse
import sys
from typing import Any

import msgspec
import numpy as np
import onnxruntime
from mosec import Server, Worker
from numpy.typing import NDArray


class Rows(msgspec.Struct):
    """The body."""

    rows: list[list[float]]


def told() -> argparse.Namespace:
    """Return our options; worker processes are started with the same."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    for option in ("--port", "--workers", "--batch", "--wait-ms"):
        parser.add_argument(option, type=int)
    return parser.parse_known_args()[0]


class Onnx(Worker):
    """One thread for onnxruntime. With a batch over 1, mosec passes lists."""

    def __init__(self) -> None:
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.batched = told().batch > 1
        self.model = onnxruntime.InferenceSession(told().model, options, providers=["CPUExecutionProvider"])
        self.name = self.model.get_inputs()[0].name

    def forward(self, data: Any) -> Any:
        """One run for all that arrived together."""
        if not self.batched:
            return self.model.run(None, {self.name: data})
        outputs: Any = self.model.run(None, {self.name: np.concatenate(data)})
        ends = np.cumsum([len(rows) for rows in data])[:-1]
        return list(zip(*(np.split(output, ends) for output in outputs), strict=True))


class Table(Onnx):
    """Rows in JSON."""

    decoder = msgspec.json.Decoder(Rows)

    def deserialize(self, data: bytes) -> NDArray[np.float32]:
        """Return the rows."""
        return np.array(self.decoder.decode(data).rows, dtype=np.float32)

    def serialize(self, data: Any) -> bytes:
        """Return the reply's body."""
        label, probabilities = data
        return msgspec.json.encode({"label": label.tolist(), "probabilities": probabilities.tolist()})


class Image(Onnx):
    """The tensor's own bytes."""

    resp_mime_type = "application/octet-stream"

    def deserialize(self, data: bytes) -> NDArray[np.float32]:
        """Return the image."""
        return np.frombuffer(data, dtype=np.float32).reshape(-1, 3, 224, 224)

    def serialize(self, data: Any) -> bytes:
        """Return the reply's body."""
        [probabilities] = data
        return bytes(probabilities.tobytes())


if __name__ == "__main__":
    ours = told()
    # mosec reads the same command line; it knows --port.
    sys.argv += ["--address=127.0.0.1", "--log-level=warning"]
    server = Server()
    server.append_worker(
        Image if "cnn" in ours.model.split("/") else Table,
        num=ours.workers,
        max_batch_size=ours.batch,
        max_wait_time=ours.wait_ms,
    )
    server.run()
