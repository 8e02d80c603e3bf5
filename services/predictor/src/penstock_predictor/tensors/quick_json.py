"""The usual V2 request read quickly. All else gets None, and `codec` reads it.

Each reader takes what nearly every caller sends: flat data, all outputs wanted. `codec` alone says what is wrong with a
request, so there is one source of errors; a test holds all readers to the same arrays.
"""

import math
import struct
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np
from simdjson import Array as JsonArray
from simdjson import Object, Parser

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.tensors.arrays import BY_V2, Array, fits

QuickQuery = tuple[str | None, Mapping[str, Array]]
"""Request id and feeds, which fit the model."""

LONG_BYTES = 2048
"""From this length on this reader is quicker than one that makes Python objects: some six rows of 30 numbers."""
_KEPT_BYTES = 262144
"""Of the longest body whose parser is kept: it holds up to fifteen times as many."""
_WIDE: Mapping[str, tuple[Any, np.dtype[Any]]] = {
    "f": ("d", np.dtype(np.float64)),
    "i": ("i", np.dtype(np.int64)),
    "u": ("u", np.dtype(np.uint64)),
}
"""numpy's kind of number to 64 bits of it, as simdjson and numpy call them."""
_REQUEST_FIELDS, _TENSOR_FIELDS = 2, 4
"""Inputs and perhaps an id; name, datatype, shape and data."""


def numbers_only(inputs: tuple[TensorSpec, ...]) -> bool:
    """Whether all of a model's inputs are numbers."""
    return all(BY_V2[spec.datatype].numpy.kind in _WIDE for spec in inputs)


class QuickNumbers:
    """Reads long V2 requests for one model whose inputs are numbers. No number becomes a Python object.

    simdjson reads JSON as strictly as the other readers do, but flattens lists, and shows fields that occur twice. So
    it is asked only for what can mean one thing: each field once, nothing unknown, flat data.
    """

    def __init__(self, inputs: tuple[TensorSpec, ...]) -> None:
        self._specs = {spec.name: (spec.datatype, BY_V2[spec.datatype].numpy, spec.shape) for spec in inputs}
        self._lists = 1 + 2 * len(inputs)
        """In a request with flat data: its inputs, and the shape and data of each."""
        self._parser = Parser(_KEPT_BYTES)

    def read(self, body: bytes | memoryview) -> QuickQuery | None:
        """Read a request; None for one that another reader must see.

        Also for one that comes while another thread uses the parser, which refuses then.
        """
        text = bytes(body)
        # simdjson passes over a byte order mark, and makes nested data flat.
        if not text.startswith(b"{") or _more_lists(text, self._lists):
            return None
        parser = self._parser if len(text) <= _KEPT_BYTES else Parser()
        try:
            return self._query(parser.parse(text))
        except (ValueError, TypeError, LookupError, RuntimeError, FloatingPointError):
            return None

    def _query(self, request: Any) -> QuickQuery | None:
        fields, inputs = len(request), request["inputs"]
        request_id = request["id"] if fields == _REQUEST_FIELDS else None
        if fields > _REQUEST_FIELDS or type(inputs) is not JsonArray or len(inputs) != len(self._specs):
            return None
        if request_id is not None and type(request_id) is not str:
            return None
        feeds: dict[str, Array] = {}
        for position in range(len(inputs)):
            tensor: Any = inputs[position]
            array = self._array(tensor)
            if array is None:
                return None
            feeds[tensor["name"]] = array
        return (request_id, feeds) if len(feeds) == len(inputs) else None

    def _array(self, tensor: Any) -> Array | None:
        if type(tensor) is not Object or len(tensor) != _TENSOR_FIELDS:
            return None
        data: Any = tensor["data"]
        shape: Any = tensor["shape"]
        datatype, kind, pattern = self._specs[tensor["name"]]  # type: ignore[index]  # any other key has no entry
        if type(data) is not JsonArray or type(shape) is not JsonArray or tensor["datatype"] != datatype:
            return None
        sizes: Any = shape.as_list()
        if _elements(sizes, pattern) != len(data):
            return None
        name, wide = _WIDE[kind.kind]
        as_buffer: Any = data.as_buffer  # whose declared type is not what it returns
        array = _narrow(np.frombuffer(as_buffer(of_type=name), wide), kind)
        return None if array is None else array.reshape(sizes)


def _more_lists(text: bytes, count: int) -> bool:
    """Whether there are more opening brackets than that. Each find is a quick instruction; bytes.count is none."""
    position = -1
    for _ in range(count):
        position = text.find(b"[", position + 1)
    return text.find(b"[", position + 1) >= 0


def _elements(sizes: list[Any], pattern: tuple[int, ...]) -> int:
    """How many elements a shape has; -1 for one that does not fit the model's, or is none."""
    if len(sizes) != len(pattern):
        return -1
    count = 1
    for size, wanted in zip(sizes, pattern, strict=True):
        if type(size) is not int or (size != wanted and (wanted != -1 or size < 0)):
            return -1
        count *= size
    return count


def _narrow(wide: Array, kind: np.dtype[Any]) -> Array | None:
    """The numbers in the model's own type; None or FloatingPointError where one is out of its range."""
    if wide.dtype == kind:
        return wide
    if kind.kind == "f":
        with np.errstate(over="raise"):
            return wide.astype(kind)
    array = wide.astype(kind)
    return array if (array == wide).all() else None


_TensorHead = tuple[str, str, tuple[int, ...]]
"""What a request says of a tensor: name, datatype and shape."""
_MOST_KEPT = 1024
"""Forms of tensors."""


class QuickJson:
    """Reads V2 requests for one model, in one pass of a decoder made for the model's own tensor types."""

    def __init__(self, inputs: tuple[TensorSpec, ...]) -> None:
        self._specs = {spec.name: spec for spec in inputs}
        self._forms: dict[_TensorHead, _Form] = {}
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
        head = (tensor.name, tensor.datatype, tensor.shape)
        form = self._forms.get(head) or self._form(head, len(tensor.data))
        return None if form is None else form.array(tensor.data)

    def _form(self, head: _TensorHead, elements: int) -> "_Form | None":
        """Of a tensor so described; None where it does not fit the model, or has other elements than its shape says."""
        name, datatype, shape = head
        spec = self._specs[name]
        if datatype != spec.datatype or not fits(shape, spec.shape):
            return None
        if min(shape, default=0) < 0 or math.prod(shape) != elements:
            return None
        form = _Form(shape, BY_V2[datatype].numpy)
        if len(self._forms) < _MOST_KEPT:
            self._forms[head] = form
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
