"""A recorded request as the Open Inference Protocol V2 asks it, every value by its bytes. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from penstock_contracts.records import RecordBatch, RecordedTensor, RequestForm
from penstock_drift_monitor.intake import input_values
from penstock_drift_monitor.replay_store import ChosenRequest

_SHORT_FLOAT: Final = "FP16"
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, kw_only=True)
class InferRequestBody:
    """With the binary tensor extension: JSON, and the tensors' bytes behind it."""

    content: bytes
    json_length: int


def infer_request(batch: RecordBatch, form: RequestForm, chosen: ChosenRequest) -> InferRequestBody:
    """Ask for the same rows, and for the outputs that were computed then."""
    values = input_values(batch, batch.runs[chosen.run], chosen.start, chosen.rows)
    data = [_bytes(tensor, each) for tensor, each in zip(form.inputs, values, strict=True)]
    head: dict[str, Any] = {
        "inputs": [
            {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": [chosen.rows, *tensor.shape],
                "parameters": {"binary_data_size": len(content)},
            }
            for tensor, content in zip(form.inputs, data, strict=True)
        ],
        "outputs": [{"name": name, "parameters": {"binary_data": True}} for name in form.outputs],
    }
    text = msgspec.json.encode(head)
    return InferRequestBody(content=text + b"".join(data), json_length=len(text))


def _bytes(tensor: RecordedTensor, values: bytes | tuple[str, ...]) -> bytes:
    if not isinstance(values, bytes):
        return b"".join(_framed(values))
    if tensor.datatype == _SHORT_FLOAT:
        return np.frombuffer(values, dtype="<f4").astype("<f2").tobytes()
    return values


def _framed(texts: tuple[str, ...]) -> Iterator[bytes]:
    for text in texts:
        element = text.encode()
        yield len(element).to_bytes(_LENGTH_BYTES, "little")
        yield element
