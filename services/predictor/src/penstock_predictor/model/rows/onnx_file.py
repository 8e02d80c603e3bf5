"""The graph in an ONNX file, without its weights.

The `onnx` package would take tens of MiB of every predictor, and read all weights once more. Here the protobuf fields
that matter are read where they lie in the mapped file; what is long is passed over by its length.
Source of the field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""
# ruff: noqa: PLR2004 - the numbers are those of protobuf fields, see there

import math
import mmap
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Buffer = memoryview
Field = tuple[int, "int | Buffer"]
Dimension = int | str | None
"""As declared: a number, a name, or nothing at all."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_ELEMENTS = 1024
"""Of a constant whose values are read: those that say shapes and axes are short."""
_FLOAT, _INT32, _INT64, _BOOL, _DOUBLE = 1, 6, 7, 9, 11
_RAW = {_FLOAT: "f", _INT32: "i", _INT64: "q", _BOOL: "?", _DOUBLE: "d"}
_STORED_IN = {_FLOAT: 4, _INT32: 5, _BOOL: 5, _INT64: 7}
"""Element type to the field of TensorProto that holds such elements one by one."""
_EXTERNAL = 1
_WITH_TENSORS = ("Constant", "ConstantOfShape", "If", "Loop", "Scan", "SequenceMap")
"""Operators whose attributes are tensors or graphs. Those of others, such as trees, may have millions of numbers."""


class UnreadableGraph(Exception):
    """The bytes are not what this reader knows as an ONNX model; onnxruntime may still load them (its own format)."""


@dataclass(frozen=True)
class Constant:
    """An initializer, or a tensor in an attribute."""

    name: str
    element_type: int
    dims: tuple[int, ...]
    values: tuple[float, ...] | None
    """Of a short one of numbers; None where there are many, or they are words."""


class Attributes:
    """Of one node. Only those that are asked for are read: a tree's have millions of numbers."""

    def __init__(self, raw: Mapping[str, Buffer]) -> None:
        self._raw = raw

    def __contains__(self, name: str) -> bool:
        return name in self._raw

    def integer(self, name: str, default: int) -> int:
        """Field `i`."""
        return next((_to_signed(value) for number, value in self._fields(name) if number == 3), default)

    def number(self, name: str, default: float) -> float:
        """Field `f`."""
        found = [value for number, value in self._fields(name) if number == 2]
        return float(struct.unpack("<f", _view(found[0]))[0]) if found else default

    def text(self, name: str, default: str) -> str:
        """Field `s`."""
        return next((_text(value) for number, value in self._fields(name) if number == 4), default)

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Field `ints`; None where there is no such attribute."""
        return tuple(_integers(self._fields(name), 8)) if name in self._raw else None

    def numbers(self, name: str) -> tuple[float, ...] | None:
        """Field `floats`; None where there is no such attribute."""
        if name not in self._raw:
            return None
        packed = b"".join(bytes(_view(value)) for number, value in self._fields(name) if number == 7)
        return struct.unpack(f"<{len(packed) // 4}f", packed)

    def texts(self, name: str) -> tuple[str, ...]:
        """Field `strings`."""
        return tuple(_text(value) for number, value in self._fields(name) if number == 9)

    def tensor(self, name: str) -> Constant | None:
        """Field `t`."""
        return next((_constant(_view(value)) for number, value in self._fields(name) if number == 5), None)

    def resolve(self, call: "Attributes") -> "Attributes":
        """With the values of a function's call in place of references to them."""
        resolved = {}
        for name, raw in self._raw.items():
            reference = next((_text(value) for number, value in _fields(raw) if number == 21), "")
            if not reference:
                resolved[name] = raw
            elif reference in call._raw:  # noqa: SLF001 - another of this class
                resolved[name] = call._raw[reference]  # noqa: SLF001
        return Attributes(resolved)

    def _fields(self, name: str) -> Iterator[Field]:
        return _fields(self._raw[name]) if name in self._raw else iter(())


@dataclass(frozen=True)
class Node:
    """An operator, or the call of a function of the model."""

    domain: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Attributes

    @property
    def title(self) -> str:
        """As messages name it."""
        return f"{self.domain}.{self.operator}" if self.domain else self.operator


@dataclass(frozen=True)
class Function:
    """A function that the model brings itself."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    opsets: Mapping[str, int]


@dataclass(frozen=True)
class Graph:
    """What a model computes."""

    nodes: tuple[Node, ...] = ()
    constants: Mapping[str, Constant] = field(default_factory=dict)
    inputs: Mapping[str, tuple[Dimension, ...] | None] = field(default_factory=dict)
    """Without those that have a default among the constants; None: no rank is declared."""
    functions: Mapping[tuple[str, str], Function] = field(default_factory=dict)
    opsets: Mapping[str, int] = field(default_factory=dict)


def read_graph(file: Path) -> Graph:
    """Read the graph of an .onnx file. Raises UnreadableGraph."""
    try:
        with file.open("rb") as stream:
            # Unmapped when nobody holds the graph any more: its attributes are read in the mapping, when asked for.
            return _model(Buffer(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)))
    except (ValueError, IndexError, struct.error, UnicodeDecodeError, TypeError) as error:
        raise UnreadableGraph(f"{file.name} cannot be read as an ONNX graph: {error}") from error


def external_files(file: Path) -> tuple[str, ...]:
    """Paths, beside an .onnx file, of the files that hold tensors of it. Raises UnreadableGraph."""
    try:
        with file.open("rb") as stream:
            content = Buffer(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
            return tuple(
                sorted({path for number, value in _fields(content) for path in _external_location(number, value)})
            )
    except (ValueError, IndexError, UnicodeDecodeError, TypeError) as error:
        raise UnreadableGraph(f"{file.name} cannot be read as an ONNX graph: {error}") from error


def _external_location(number: int, value: "int | Buffer") -> Iterator[str]:
    """Of a field of ModelProto: its graph, or a function."""
    if number == 7:
        yield from _external_location_in_graph(_view(value))
    elif number == 25:
        for part, node in _fields(_view(value)):
            if part == 7:
                yield from _external_location_in_node(_view(node))


def _external_location_in_graph(content: Buffer) -> Iterator[str]:
    for number, value in _fields(content):
        if number == 1:
            yield from _external_location_in_node(_view(value))
        elif number == 5:
            yield from _external_location_in_tensor(_view(value))


def _external_location_in_node(content: Buffer) -> Iterator[str]:
    operator = next((_text(value) for number, value in _fields(content) if number == 4), "")
    if operator not in _WITH_TENSORS:
        return
    for number, attribute in _fields(content):
        if number != 5:
            continue
        for part, value in _fields(_view(attribute)):
            if part in (5, 10):
                yield from _external_location_in_tensor(_view(value))
            elif part in (6, 11):
                yield from _external_location_in_graph(_view(value))


def _external_location_in_tensor(content: Buffer) -> Iterator[str]:
    for number, entry in _fields(content):
        if number == 13:
            pair = {part: _text(value) for part, value in _fields(_view(entry))}
            if pair.get(1) == "location":
                yield pair.get(2, "")


def _model(content: Buffer) -> Graph:
    graph: Graph | None = None
    functions: dict[tuple[str, str], Function] = {}
    opsets: dict[str, int] = {}
    for number, value in _fields(content):
        if number == 7:
            graph = _graph(_view(value))
        elif number == 8:
            opsets |= _opset(_view(value))
        elif number == 25:
            functions |= _function(_view(value))
    if graph is None:
        raise ValueError("it has none")
    return Graph(graph.nodes, graph.constants, graph.inputs, functions, opsets)


def _graph(content: Buffer) -> Graph:
    nodes: list[Node] = []
    constants: dict[str, Constant] = {}
    inputs: dict[str, tuple[Dimension, ...] | None] = {}
    for number, value in _fields(content):
        if number == 1:
            nodes.append(_node(_view(value)))
        elif number == 5:
            constant = _constant(_view(value))
            constants[constant.name] = constant
        elif number == 11:
            name, dims = _input(_view(value))
            inputs[name] = dims
    return Graph(tuple(nodes), constants, {name: dims for name, dims in inputs.items() if name not in constants})


def _node(content: Buffer) -> Node:
    inputs, outputs, operator, domain = [], [], "", ""
    attributes: dict[str, Buffer] = {}
    for number, value in _fields(content):
        if number == 1:
            inputs.append(_text(value))
        elif number == 2:
            outputs.append(_text(value))
        elif number == 4:
            operator = _text(value)
        elif number == 5:
            raw = _view(value)
            attributes[next(_text(part) for field_number, part in _fields(raw) if field_number == 1)] = raw
        elif number == 7:
            domain = _text(value)
    domain = "" if domain == "ai.onnx" else domain
    return Node(domain, operator, tuple(inputs), tuple(outputs), Attributes(attributes))


def _function(content: Buffer) -> dict[tuple[str, str], Function]:
    inputs, outputs, nodes, name, domain = [], [], [], "", ""
    opsets: dict[str, int] = {}
    for number, value in _fields(content):
        if number == 1:
            name = _text(value)
        elif number == 4:
            inputs.append(_text(value))
        elif number == 5:
            outputs.append(_text(value))
        elif number == 7:
            nodes.append(_node(_view(value)))
        elif number == 9:
            opsets |= _opset(_view(value))
        elif number == 10:
            domain = _text(value)
    return {(domain, name): Function(tuple(inputs), tuple(outputs), tuple(nodes), opsets)}


def _opset(content: Buffer) -> dict[str, int]:
    domain, version = "", 1
    for number, value in _fields(content):
        if number == 1:
            domain = _text(value)
        elif number == 2:
            version = _to_signed(value)
    return {"" if domain == "ai.onnx" else domain: version}


def _input(content: Buffer) -> tuple[str, tuple[Dimension, ...] | None]:
    name, dims = "", None
    for number, value in _fields(content):
        if number == 1:
            name = _text(value)
        elif number == 2:
            for kind, tensor in _fields(_view(value)):
                if kind == 1:
                    dims = _dims(_view(tensor))
    return name, dims


def _dims(tensor: Buffer) -> tuple[Dimension, ...] | None:
    for number, shape in _fields(tensor):
        if number == 2:
            return tuple(_dim(_view(dim)) for kind, dim in _fields(_view(shape)) if kind == 1)
    return None


def _dim(content: Buffer) -> Dimension:
    for number, value in _fields(content):
        if number == 1:
            return _to_signed(value)
        if number == 2:
            return _text(value)
    return None


def _constant(content: Buffer) -> Constant:
    name, element_type, external = "", 0, False
    raw: Buffer | None = None
    for number, value in _fields(content):
        if number == 2:
            element_type = _to_signed(value)
        elif number == 8:
            name = _text(value)
        elif number == 9:
            raw = _view(value)
        elif number == 14:
            external = _to_signed(value) == _EXTERNAL
    dims = tuple(_integers(_fields(content), 1))
    size = math.prod(dims)
    values = None
    if element_type in _RAW and size <= _MOST_ELEMENTS and not external:
        values = _raw_values(raw, element_type) if raw is not None else _stored_values(content, element_type)
    return Constant(name, element_type, dims, values if values is not None and len(values) == size else None)


def _raw_values(raw: Buffer, element_type: int) -> tuple[float, ...]:
    letter = _RAW[element_type]
    return struct.unpack(f"<{len(raw) // struct.calcsize(letter)}{letter}", raw)


def _stored_values(content: Buffer, element_type: int) -> tuple[float, ...] | None:
    at = _STORED_IN.get(element_type)
    if at is None:
        return None
    if element_type != _FLOAT:
        return tuple(_integers(_fields(content), at))
    packed = b"".join(bytes(_view(value)) for number, value in _fields(content) if number == at)
    return struct.unpack(f"<{len(packed) // 4}f", packed)


# -- protobuf's wire format. Source: https://protobuf.dev/programming-guides/encoding/


def _fields(content: Buffer) -> Iterator[Field]:
    """Number and value of each field: an integer, or the bytes of any other."""
    at, end = 0, len(content)
    while at < end:
        tag, at = _varint(content, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(content, at)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            length, at = _varint(content, at)
        else:
            length = {_FIXED64: 8, _FIXED32: 4}[kind] if kind in (_FIXED64, _FIXED32) else -1
        if length < 0 or at + length > end:
            raise ValueError("a field is longer than what holds it")
        yield tag >> 3, content[at : at + length]
        at += length


def _varint(content: Buffer, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _integers(fields: Iterator[Field], wanted: int) -> Iterator[int]:
    """Of a repeated field, packed or not."""
    for number, value in fields:
        if number != wanted:
            continue
        if isinstance(value, int):
            yield _to_signed(value)
            continue
        at = 0
        while at < len(value):
            integer, at = _varint(value, at)
            yield _to_signed(integer)


def _to_signed(value: "int | Buffer") -> int:
    if not isinstance(value, int):
        raise TypeError("bytes where a number belongs")
    return value - 2**64 if value >= 2**63 else value


def _view(value: "int | Buffer") -> Buffer:
    if isinstance(value, int):
        raise TypeError("a number where bytes belong")
    return value


def _text(value: "int | Buffer") -> str:
    return bytes(_view(value)).decode()
