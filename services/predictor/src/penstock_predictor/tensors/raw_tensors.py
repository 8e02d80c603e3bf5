"""Tensors as plain bytes: the `raw_input_contents` of gRPC and the binary extension of HTTP.

Elements follow each other in row-major order without gaps. Numbers are little endian, a BOOL is one byte of 0 or 1, and
a BYTES element is its length (4 bytes, little endian, unsigned) and then that many bytes. ONNX strings are text, so
those bytes must be UTF-8.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from penstock_predictor.errors import BadRequest, DoesNotFit
from penstock_predictor.tensors.datatypes import BY_V2, Array, Datatype
from penstock_predictor.tensors.shapes import count_elements, reshaped

_LENGTH_BYTES = 4
"""Before each BYTES element."""


def decode_raw(name: str, datatype: str, shape: Sequence[int], data: bytes | memoryview) -> Array:
    """Read one input tensor.

    Numbers are not copied: the array looks into `data` and is read-only, except where `data` begins at an address at
    which the processor cannot read such numbers. Raises BadRequest for an unknown datatype and DoesNotFit for bytes or
    a shape that cannot be, both naming the tensor.
    """
    said = f"input {name!r}"
    kind = BY_V2.get(datatype)
    if kind is None:
        raise BadRequest(f"{said}: unknown datatype {datatype!r}: use one of {', '.join(BY_V2)}")
    count = count_elements(shape, said)
    if kind.v2 == "BYTES":
        return reshaped(_strings(data, count, said), shape, said)
    expected = count * kind.numpy.itemsize
    if len(data) != expected:
        raise DoesNotFit(f"{said}: expected {expected} bytes (shape {list(shape)} of {kind.v2}), got {len(data)}")
    return reshaped(_numbers(data, kind, said), shape, said)


def encode_raw(array: Array) -> bytes:
    """Write one output tensor."""
    if array.dtype.hasobject:
        return b"".join(_framed(array))
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def _numbers(data: bytes | memoryview, kind: Datatype, said: str) -> Array:
    array: Array = np.frombuffer(data, dtype=kind.numpy.newbyteorder("<")).astype(kind.numpy, copy=False)
    if not array.flags.aligned:
        array = array.copy()
    if kind.v2 == "BOOL":
        _check_bools(array, said)
    return array


def _check_bools(array: Array, said: str) -> None:
    """Any other byte in a numpy bool would be true in one operator and false in the next."""
    octets = array.view(np.uint8)
    if octets.size and octets.max() > 1:
        position = int(np.argmax(octets > 1))
        raise DoesNotFit(f"{said}, element {position}: a BOOL is a byte of 0 or 1, got {octets[position]}")


def _strings(data: bytes | memoryview, count: int, said: str) -> Array:
    if count * _LENGTH_BYTES > len(data):  # before memory is taken for a count that only the shape claims
        raise DoesNotFit(f"{said}: {len(data)} bytes are too few for {count} BYTES elements with their lengths")
    view = memoryview(data)
    array = np.empty(count, dtype=np.object_)
    end = 0
    for position in range(count):
        end, array[position] = _string_at(view, end, f"{said}, element {position}")
    if end != len(view):
        raise DoesNotFit(f"{said}: {len(view) - end} bytes are left after the last of {count} BYTES elements")
    return array


def _string_at(view: memoryview, start: int, where: str) -> tuple[int, str]:
    """Return where an element ends, and its text."""
    begin = start + _LENGTH_BYTES
    length = int.from_bytes(view[start:begin], "little")
    if begin > len(view) or begin + length > len(view):
        raise DoesNotFit(f"{where}: its length of {length} bytes, or the length itself, passes the end of the data")
    return begin + length, text_of(view[begin : begin + length], where)


def text_of(data: bytes | memoryview, where: str) -> str:
    """The text of a BYTES element. Raises DoesNotFit, naming the element, where it is none."""
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise DoesNotFit(f"{where}: byte {error.start} is not UTF-8: ONNX strings are text, send UTF-8") from None


def _framed(array: Array) -> Iterator[bytes]:
    for text in array.ravel().tolist():
        element = text.encode()
        yield len(element).to_bytes(_LENGTH_BYTES, "little")
        yield element
