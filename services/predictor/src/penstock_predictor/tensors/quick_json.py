"""The usual request read quickly: one pass of a decoder made for the model's own tensor types.

It takes what nearly every caller sends (flat data, all outputs wanted) and answers None for all else. `codec` reads
the rest and alone says what is wrong with a request, so there is one source of errors; a test holds both to the same
arrays.
"""

from collections.abc import Mapping
from math import prod
from typing import Any

import msgspec
import numpy as np

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.tensors.datatypes import BY_V2, Array, Datatype
from penstock_predictor.tensors.shapes import fits

_ELEMENTS: dict[str, type] = {"b": bool, "i": int, "u": int, "f": float, "O": str}
"""numpy's kinds to what JSON has for them; a decoder for them refuses all else, null in a float tensor too."""

QuickQuery = tuple[str | None, Mapping[str, Array]]
"""Request id and feeds, which fit the model."""


class QuickJson:
    """Reads V2 requests for one model."""

    def __init__(self, inputs: tuple[TensorSpec, ...]) -> None:
        self._specs = {spec.name: (spec.datatype, spec.shape, BY_V2[spec.datatype]) for spec in inputs}
        kinds = {_ELEMENTS[BY_V2[spec.datatype].numpy.kind] for spec in inputs}
        element = kinds.pop() if len(kinds) == 1 else None
        self._decoder: msgspec.json.Decoder[Any] | None = None
        if element is not None:
            self._decoder = msgspec.json.Decoder(_request_type(element))

    def read(self, body: bytes) -> QuickQuery | None:
        """Read a request; None for one that `codec` must see."""
        if self._decoder is None:
            return None
        try:
            request = self._decoder.decode(body)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return None
        if request.outputs is not msgspec.UNSET or request.parameters is not msgspec.UNSET:
            return None
        feeds: dict[str, Array] = {}
        for tensor in request.inputs:
            array = self._array(tensor)
            if array is None:
                return None
            feeds[tensor.name] = array
        return (request.id, feeds) if len(feeds) == len(request.inputs) == len(self._specs) else None

    def _array(self, tensor: Any) -> Array | None:
        datatype, shape, kind = self._specs.get(tensor.name) or _UNKNOWN
        if tensor.datatype != datatype or tensor.parameters is not msgspec.UNSET or not fits(tensor.shape, shape):
            return None
        if any(size < 0 for size in tensor.shape) or len(tensor.data) != prod(tensor.shape):
            return None
        return _converted(tensor.data, kind, tensor.shape)


_UNKNOWN: tuple[str, tuple[int, ...], Datatype] = ("", (), BY_V2["BOOL"])


def _converted(data: list[Any], kind: Datatype, shape: tuple[int, ...]) -> Array | None:
    try:
        array: Array = np.array(data, dtype=kind.numpy)
    except OverflowError:
        return None
    if kind.is_float and not np.isfinite(array).all():
        return None
    return array.reshape(shape)


def _request_type(element: type) -> type[msgspec.Struct]:
    """A Struct whose tensors have elements of one type. A field that is not read here shows whether it was there."""
    absent = msgspec.Raw | msgspec.UnsetType
    tensor = msgspec.defstruct(
        "Tensor",
        [
            ("name", str),
            ("datatype", str),
            ("shape", tuple[int, ...]),
            ("data", list[element]),  # type: ignore[valid-type]  # the type is made here
            ("parameters", absent, msgspec.UNSET),
        ],
        gc=False,
    )
    return msgspec.defstruct(
        "Request",
        [
            ("inputs", list[tensor]),  # type: ignore[valid-type]  # as above
            ("id", str | None, None),
            ("outputs", absent, msgspec.UNSET),
            ("parameters", absent, msgspec.UNSET),
        ],
        gc=False,
    )
