"""The usual long request of numbers read quickly: its text goes into arrays, and no number becomes a Python object.

simdjson reads JSON as strictly as the other readers do, but flattens lists, and shows fields that occur twice. So it is
asked only for what can mean one thing: each field once, nothing unknown, flat data. All else gets None, as in
`quick_json`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from simdjson import Array as JsonArray
from simdjson import Object, Parser

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.tensors.datatypes import BY_V2, Array

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
    """Reads V2 requests for one model whose inputs are numbers."""

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
        array = _narrowed(np.frombuffer(as_buffer(of_type=name), wide), kind)
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


def _narrowed(wide: Array, kind: np.dtype[Any]) -> Array | None:
    """The numbers in the model's own type; None or FloatingPointError where one is out of its range."""
    if wide.dtype == kind:
        return wide
    if kind.kind == "f":
        with np.errstate(over="raise"):
            return wide.astype(kind)
    array = wide.astype(kind)
    return array if (array == wide).all() else None
