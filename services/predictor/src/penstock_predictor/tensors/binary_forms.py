"""What the JSON of requests says whose tensors follow it as bytes: the same text means the same.

A caller who sends images one after the other sends the same few hundred bytes before each of them.
"""

from dataclasses import dataclass

from penstock_contracts.inference import InferRequest
from penstock_predictor.tensors.binary_tail import SIZE, BinaryTail
from penstock_predictor.tensors.datatypes import Array
from penstock_predictor.tensors.raw_tensors import decode_raw

_MOST_KEPT = 256
_LONGEST_KEPT = 2048
"""Bytes."""


@dataclass(frozen=True)
class BinaryForm:
    """A request that fits the model, without its tensors' bytes."""

    inputs: tuple[tuple[str, str, tuple[int, ...], int], ...]
    """Name, datatype, shape, and how many bytes follow."""
    outputs: tuple[str, ...]
    as_bytes: tuple[bool, ...]
    """Of each output whether it goes out as bytes."""

    def feeds(self, tail: BinaryTail) -> dict[str, Array]:
        """Read the tensors. Raises DoesNotFit, BadRequest, as `codec` does."""
        feeds = {
            name: decode_raw(name, datatype, shape, tail.take(size, f"input {name!r}"))
            for name, datatype, shape, size in self.inputs
        }
        tail.check_empty()
        return feeds


class BinaryForms:
    """Forms of requests to one model, by their text. Bounded; of several threads each may read and keep."""

    def __init__(self) -> None:
        self._forms: dict[bytes, BinaryForm] = {}

    def find(self, text: bytes) -> BinaryForm | None:
        """What a text means, if it was kept."""
        return self._forms.get(text)

    def keep(self, text: bytes, request: InferRequest, outputs: tuple[str, ...], as_bytes: tuple[bool, ...]) -> None:
        """Keep what a text means, of a request that was answered: not where an id makes it another one each time, or a
        tensor is in the text.
        """
        if len(text) > _LONGEST_KEPT or request.id is not None or len(self._forms) >= _MOST_KEPT:
            return
        inputs = tuple(
            (tensor.name, tensor.datatype, tuple(tensor.shape), tensor.parameters[SIZE])
            for tensor in request.inputs
            if tensor.parameters and SIZE in tensor.parameters
        )
        if len(inputs) == len(request.inputs):
            self._forms[text] = BinaryForm(inputs, outputs, as_bytes)
