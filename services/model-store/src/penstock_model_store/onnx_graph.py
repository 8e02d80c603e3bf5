"""What a model file says before anything runs: is it ONNX, does it stay in its folder, can it be run at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import onnx
from google.protobuf.message import DecodeError, Message

from penstock_model_store.artifact_paths import is_plain
from penstock_model_store.errors import (
    EmptyModel,
    ExternalDataOutside,
    ExternalDataTruncated,
    InvalidGraph,
    NotOnnx,
    ReservedName,
    TruncatedModel,
    UnsupportedOperator,
    UnsupportedOpset,
)
from penstock_model_store.layout import RESERVED

_ONNX_ML = "ai.onnx.ml"
_BUILT_IN = frozenset({"", "ai.onnx", _ONNX_ML, "com.microsoft"})
"""Operator domains that onnxruntime brings along. Others need a library of code, which is never loaded."""
NEWEST_OPSETS = {"ai.onnx": 28, _ONNX_ML: 5}
"""The newest operator sets that the pinned onnxruntime runs; a test holds them against the library."""


def parsed_model(path: Path) -> onnx.ModelProto:
    """Read a model file without its external data.

    Raises EmptyModel, TruncatedModel or NotOnnx.
    """
    content = path.read_bytes()
    if not content:
        raise EmptyModel(f"{path.name} has 0 bytes: its upload did not work; log the model again")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise _unreadable(path.name, content) from error
    if not model.ir_version:
        raise _unreadable(path.name, content)
    if not model.opset_import or not model.graph.output:
        raise TruncatedModel(
            f"{path.name} has a header, but no graph or no operator set: its upload broke off; log the model again"
        )
    return model


def external_files(name: str, model: onnx.ModelProto) -> dict[str, int]:
    """Data files that the model's tensors lie in: path relative to the model, and the bytes it must have at least.

    Raises ExternalDataOutside or ReservedName.
    """
    needed: dict[str, int] = {}
    for tensor in _tensors(model):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = _checked_location(name, tensor.name, entries.get("location", ""))
        end = _number(entries.get("offset")) + _number(entries.get("length"))
        needed[location] = max(needed.get(location, 0), end)
    return needed


def check_data_sizes(folder: Path, needed: dict[str, int]) -> None:
    """Raise ExternalDataTruncated for a data file that ends before its last tensor."""
    for name, size in needed.items():
        actual = (folder / name).stat().st_size
        if actual < size:
            raise ExternalDataTruncated(
                f"{name} has {actual} bytes, the model's tensors need {size}: its upload broke off; log the model again"
            )


def check_graph(path: Path, model: onnx.ModelProto) -> None:
    """Hold the graph against the ONNX specification and what onnxruntime runs.

    Raises UnsupportedOpset, UnsupportedOperator or InvalidGraph.
    """
    _check_opsets(path.name, model)
    _check_operators(path.name, model)
    try:
        with _for_the_checker(path, model) as file:
            onnx.checker.check_model(os.fspath(file))
    except (onnx.checker.ValidationError, ValueError) as error:
        raise InvalidGraph(f"{path.name} is not a valid ONNX graph: {_short(error)}; export the model again") from error


def inputs_without_rank(model: onnx.ModelProto) -> frozenset[str]:
    """Inputs of which the graph says nothing but the type of their elements: they may have any number of dimensions."""
    return frozenset(value.name for value in model.graph.input if _is_unranked(value))


@contextmanager
def _for_the_checker(path: Path, model: onnx.ModelProto) -> Iterator[Path]:
    """The file to check: a copy beside it where inputs or outputs have no rank, which onnxruntime runs and the checker
    alone refuses.
    """
    if not any(map(_is_unranked, (*model.graph.input, *model.graph.output))):
        yield path
        return
    stated = onnx.ModelProto()
    stated.CopyFrom(model)
    for value in filter(_is_unranked, (*stated.graph.input, *stated.graph.output)):
        value.type.tensor_type.shape.SetInParent()
    with NamedTemporaryFile(dir=path.parent, prefix=".checked-") as copy:
        copy.write(stated.SerializeToString())
        copy.flush()
        yield Path(copy.name)


def _is_unranked(value: onnx.ValueInfoProto) -> bool:
    return value.type.HasField("tensor_type") and not value.type.tensor_type.HasField("shape")


def _check_opsets(name: str, model: onnx.ModelProto) -> None:
    for opset in model.opset_import:
        domain = opset.domain or "ai.onnx"
        newest = NEWEST_OPSETS.get(domain, opset.version)
        if opset.version > newest:
            raise UnsupportedOpset(
                f"{name} needs operator set {opset.version} of {domain}, the newest that can be served is {newest}: "
                f"export the model with target_opset={newest} or less"
            )


def _check_operators(name: str, model: onnx.ModelProto) -> None:
    functions = {(function.domain, function.name) for function in model.functions}
    for node in _nodes(model):
        if node.domain not in _BUILT_IN and (node.domain, node.op_type) not in functions:
            raise UnsupportedOperator(
                f"node {node.name or node.op_type} of {name} is operator {node.op_type} of domain {node.domain}, which "
                "needs a library of its own: export the model with standard operators"
            )


def _checked_location(name: str, tensor: str, location: str) -> str:
    if not is_plain(location):
        raise ExternalDataOutside(
            f"tensor {tensor} of {name} lies in {location!r}, outside the artifact's folder: save the model with its "
            "data beside it, or in one file"
        )
    if location in {*RESERVED, name}:
        raise ReservedName(f"tensor {tensor} of {name} lies in {location}, a name that is taken: rename the data file")
    return location


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _unreadable(name: str, content: bytes) -> TruncatedModel | NotOnnx:
    if _breaks_off(content):
        return TruncatedModel(f"{name} breaks off after {len(content)} bytes: its upload did not end; log it again")
    return NotOnnx(f"{name} is not an ONNX model: register what mlflow.onnx.log_model or onnx.save_model wrote")


_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_WIRE_TYPES = {field.number: _LENGTH for field in onnx.ModelProto.DESCRIPTOR.fields} | {1: _VARINT, 5: _VARINT}
"""ModelProto's fields on the wire: `ir_version` and `model_version` are numbers, all others have a length."""


def _breaks_off(content: bytes) -> bool:
    """Tell a model that lacks its end from other bytes: it begins as a ModelProto, and a field runs past the end."""
    position = 0
    try:
        while position < len(content):
            key, position = _varint(content, position)
            if _WIRE_TYPES.get(key >> 3) != key & 7:
                return False
            value, position = _varint(content, position)
            position += value if key & 7 == _LENGTH else 0
    except IndexError:
        return True
    return position > len(content)


def _varint(content: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 or shift > 63:  # noqa: PLR2004 - the top bit goes on, 64 bits are all
            return value, position


def _messages(message: Message) -> Iterator[Message]:
    """Every message below, however deep: tensors hide in attributes, subgraphs, functions and training graphs."""
    waiting = [message]
    while waiting:
        current = waiting.pop()
        yield current
        for field, value in current.ListFields():
            if field.message_type is None:
                continue
            waiting.extend([value] if isinstance(value, Message) else value)


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    return (message for message in _messages(model) if isinstance(message, onnx.TensorProto))


def _nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    return (message for message in _messages(model) if isinstance(message, onnx.NodeProto))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:400]
