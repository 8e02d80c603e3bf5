"""The usual request read quickly: one pass of a decoder made for the model's own tensor types.

It takes what nearly every caller sends (flat data, all outputs wanted) and answers None for all else. `codec` reads
the rest and alone says what is wrong with a request, so there is one source of errors; a test holds both to the same
arrays.
"""

import functools
import struct
from typing import Any

import msgspec
import numpy as np

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.tensors.datatypes import BY_V2, Array
from penstock_predictor.tensors.quick_numbers import LONG_BYTES, QuickNumbers, QuickQuery, numbers_only


class QuickJson:
    """Reads V2 requests for one model."""

    def __init__(self, inputs: tuple[TensorSpec, ...]) -> None:
        self._specs = {spec.name: (spec.datatype, BY_V2[spec.datatype].numpy, spec.shape) for spec in inputs}
        elements = {spec.datatype: _element(spec.datatype) for spec in inputs}
        self._decoder: msgspec.json.Decoder[Any] | None = None
        if len(set(elements.values())) == 1:
            self._decoder = msgspec.json.Decoder(_request_type(next(iter(elements.values()))))
        self._numbers = QuickNumbers(inputs) if numbers_only(inputs) else None

    def read(self, body: bytes | memoryview) -> QuickQuery | None:
        """Read a request; None for one that `codec` must see."""
        if self._numbers is not None and len(body) >= LONG_BYTES:
            query = self._numbers.read(body)
            if query is not None:
                return query
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
        datatype, kind, pattern = self._specs.get(tensor.name) or _UNKNOWN
        shape = tensor.shape
        if tensor.datatype != datatype or tensor.parameters is not msgspec.UNSET or len(shape) != len(pattern):
            return None
        count = 1
        for size, wanted in zip(shape, pattern, strict=True):
            if size != wanted and (wanted != -1 or size < 0):
                return None
            count *= size
        if len(tensor.data) != count:
            return None
        array = _array_of(tensor.data, kind)
        return None if array is None else array.reshape(shape)


def _array_of(data: list[Any], kind: np.dtype[Any]) -> Array | None:
    """The elements as an array; None where one is out of the type's range.

    struct packs numbers three times as fast as numpy reads a list of them, and refuses what does not fit.
    """
    if kind.hasobject:
        return np.array(data, kind)
    try:
        return np.frombuffer(_packer(len(data), kind.char).pack(*data), kind)
    except (OverflowError, struct.error):
        return None


_CHARACTERS = {"l": "q", "L": "Q"}
"""numpy calls 64 bits a long; to struct, in standard sizes, which alone check a float's range, that has 32."""


@functools.lru_cache(maxsize=1024)
def _packer(count: int, kind: str) -> struct.Struct:
    return struct.Struct(f"={count}{_CHARACTERS.get(kind, kind)}")


_UNKNOWN: tuple[str, np.dtype[Any], tuple[int, ...]] = ("", np.dtype(np.bool_), ())


def _element(datatype: str) -> Any:
    """What JSON has for a datatype's elements; a decoder for it refuses all else, null in a float tensor too."""
    return {"b": bool, "i": int, "u": int, "f": float, "O": str}[BY_V2[datatype].numpy.kind]


def _request_type(element: Any) -> type[msgspec.Struct]:
    """A Struct whose tensors have elements of one type.

    A field that is not read here shows whether it was there, and an unknown one is left to `codec`, which reads what is
    in it too.
    """
    absent = msgspec.Raw | msgspec.UnsetType
    tensor = msgspec.defstruct(
        "Tensor",
        [
            ("name", str),
            ("datatype", str),
            ("shape", tuple[int, ...]),
            ("data", list[element]),
            ("parameters", absent, msgspec.UNSET),
        ],
        gc=False,
        forbid_unknown_fields=True,
    )
    return msgspec.defstruct(
        "Request",
        [
            ("inputs", list[tensor]),  # type: ignore[valid-type]  # the type is made here
            ("id", str | None, None),
            ("outputs", absent, msgspec.UNSET),
            ("parameters", absent, msgspec.UNSET),
        ],
        gc=False,
        forbid_unknown_fields=True,
    )
