"""The usual request read quickly: one pass of a decoder made for the model's own tensor types.

It takes what nearly every caller sends (flat data, all outputs wanted) and answers None for all else. `codec` reads
the rest and alone says what is wrong with a request, so there is one source of errors; a test holds both to the same
arrays.
"""

import math
import struct
from typing import Any, Literal

import msgspec
import numpy as np

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.tensors.datatypes import BY_V2, Array
from penstock_predictor.tensors.quick_numbers import LONG_BYTES, QuickNumbers, QuickQuery, numbers_only
from penstock_predictor.tensors.shapes import fits

_Told = tuple[str, str, tuple[int, ...]]
"""What a request says of a tensor: name, datatype and shape."""
_MOST_KEPT = 1024
"""Forms of tensors."""


class QuickJson:
    """Reads V2 requests for one model."""

    def __init__(self, inputs: tuple[TensorSpec, ...]) -> None:
        self._specs = {spec.name: spec for spec in inputs}
        self._forms: dict[_Told, _Form] = {}
        """Of tensors that were read before."""
        elements = {spec.datatype: _element(spec.datatype) for spec in inputs}
        self._decoder: msgspec.json.Decoder[Any] | None = None
        if len(set(elements.values())) == 1:
            self._decoder = msgspec.json.Decoder(_request_type(inputs, next(iter(elements.values()))))
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
        if tensor.parameters is not msgspec.UNSET:
            return None
        told = (tensor.name, tensor.datatype, tensor.shape)
        form = self._forms.get(told) or self._form(told, len(tensor.data))
        return None if form is None else form.array(tensor.data)

    def _form(self, told: _Told, elements: int) -> "_Form | None":
        """Of a tensor so described; None where it does not fit the model, or has other elements than its shape says."""
        name, datatype, shape = told
        spec = self._specs[name]
        if datatype != spec.datatype or not fits(shape, spec.shape):
            return None
        if min(shape, default=0) < 0 or math.prod(shape) != elements:
            return None
        form = _Form(shape, BY_V2[datatype].numpy)
        if len(self._forms) < _MOST_KEPT:
            self._forms[told] = form
        return form


class _Form:
    """A shape that fits the model, and how its elements become an array.

    struct packs numbers three times as fast as numpy reads a list of them, and refuses what does not fit.
    """

    __slots__ = ("_count", "_kind", "_packer", "_shape")

    def __init__(self, shape: tuple[int, ...], kind: np.dtype[Any]) -> None:
        self._shape = shape
        self._kind = kind
        self._count = math.prod(shape)
        self._packer = None if kind.hasobject else _packer(self._count, kind.char)

    def array(self, data: list[Any]) -> Array | None:
        """The elements as an array; None where there are more or fewer of them, one is out of the type's range, or the
        shape has no elements and a dimension beyond all memory.
        """
        if len(data) != self._count:
            return None
        try:
            if self._packer is None:
                return np.array(data, self._kind).reshape(self._shape)
            return np.ndarray(self._shape, self._kind, self._packer.pack(*data))
        except (OverflowError, ValueError, struct.error):
            return None


_CHARACTERS = {"l": "q", "L": "Q"}
"""numpy calls 64 bits a long; to struct, in standard sizes, which alone check a float's range, that has 32."""


def _packer(count: int, kind: str) -> struct.Struct:
    return struct.Struct(f"={count}{_CHARACTERS.get(kind, kind)}")


def _element(datatype: str) -> Any:
    """What JSON has for a datatype's elements; a decoder for it refuses all else, null in a float tensor too."""
    return {"b": bool, "i": int, "u": int, "f": float, "O": str}[BY_V2[datatype].numpy.kind]


def _request_type(inputs: tuple[TensorSpec, ...], element: Any) -> type[msgspec.Struct]:
    """A Struct whose tensors are the model's, with elements of one type.

    Names and datatypes, known beforehand, are the same objects in each request. A field that is not read here shows
    whether it was there, and an unknown one is left to `codec`, which reads what is in it too.
    """
    absent: Any = msgspec.Raw | msgspec.UnsetType
    tensor = msgspec.defstruct(
        "Tensor",
        [
            ("name", Literal[tuple(spec.name for spec in inputs)]),
            ("datatype", Literal[tuple(spec.datatype for spec in inputs)]),
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
