"""Tensors as plain bytes: the `raw_input_contents` of gRPC, and the binary tensor extension of V2 over HTTP.

Elements follow each other in row-major order without gaps. Numbers are little endian, a BOOL is one byte of 0 or 1, and
a BYTES element is its length (4 bytes, little endian, unsigned) and then that many bytes. ONNX strings are text, so
those bytes must be UTF-8.

Over HTTP the bytes follow the JSON of the message, one tensor after the other.
Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from penstock_contracts.inference import InferRequest
from penstock_predictor.errors import BadRequest, DoesNotFit
from penstock_predictor.tensors.arrays import BY_V2, Array, Datatype, count_elements, reshape

_LENGTH_BYTES = 4
"""Before each BYTES element."""


def decode_raw(name: str, datatype: str, shape: Sequence[int], data: bytes | memoryview) -> Array:
    """Read one input tensor.

    Numbers are not copied: the array looks into `data` and is read-only, except where `data` begins at an address at
    which the processor cannot read such numbers. Raises BadRequest for an unknown datatype and DoesNotFit for bytes or
    a shape that cannot be, both naming the tensor.
    """
    subject = f"input {name!r}"
    kind = BY_V2.get(datatype)
    if kind is None:
        raise BadRequest(f"{subject}: unknown datatype {datatype!r}: use one of {', '.join(BY_V2)}")
    count = count_elements(shape, subject)
    if kind.v2 == "BYTES":
        return reshape(_strings(data, count, subject), shape, subject)
    expected = count * kind.numpy.itemsize
    if len(data) != expected:
        raise DoesNotFit(f"{subject}: expected {expected} bytes (shape {list(shape)} of {kind.v2}), got {len(data)}")
    return reshape(_numbers(data, kind, subject), shape, subject)


def encode_raw(array: Array) -> bytes:
    """Write one output tensor."""
    if array.dtype.hasobject:
        return b"".join(_frame_elements(array))
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def _numbers(data: bytes | memoryview, kind: Datatype, subject: str) -> Array:
    array: Array = np.frombuffer(data, dtype=kind.numpy.newbyteorder("<")).astype(kind.numpy, copy=False)
    if not array.flags.aligned:
        array = array.copy()
    if kind.v2 == "BOOL":
        _check_bools(array, subject)
    return array


def _check_bools(array: Array, subject: str) -> None:
    """Any other byte in a numpy bool would be true in one operator and false in the next."""
    octets = array.view(np.uint8)
    if octets.size and octets.max() > 1:
        position = int(np.argmax(octets > 1))
        raise DoesNotFit(f"{subject}, element {position}: a BOOL is a byte of 0 or 1, got {octets[position]}")


def _strings(data: bytes | memoryview, count: int, subject: str) -> Array:
    if count * _LENGTH_BYTES > len(data):  # before memory is taken for a count that only the shape claims
        raise DoesNotFit(f"{subject}: {len(data)} bytes are too few for {count} BYTES elements with their lengths")
    view = memoryview(data)
    array = np.empty(count, dtype=np.object_)
    end = 0
    for position in range(count):
        end, array[position] = _string_at(view, end, f"{subject}, element {position}")
    if end != len(view):
        raise DoesNotFit(f"{subject}: {len(view) - end} bytes are left after the last of {count} BYTES elements")
    return array


def _string_at(view: memoryview, start: int, where: str) -> tuple[int, str]:
    """Return where an element ends, and its text."""
    begin = start + _LENGTH_BYTES
    length = int.from_bytes(view[start:begin], "little")
    if begin > len(view) or begin + length > len(view):
        raise DoesNotFit(f"{where}: its length of {length} bytes, or the length itself, passes the end of the data")
    return begin + length, decode_text(view[begin : begin + length], where)


def decode_text(data: bytes | memoryview, where: str) -> str:
    """The text of a BYTES element. Raises DoesNotFit, naming the element, where it is none."""
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise DoesNotFit(f"{where}: byte {error.start} is not UTF-8: ONNX strings are text, send UTF-8") from None


def _frame_elements(array: Array) -> Iterator[bytes]:
    for text in array.ravel().tolist():
        element = text.encode()
        yield len(element).to_bytes(_LENGTH_BYTES, "little")
        yield element


HEADER = b"inference-header-content-length"
"""Bytes of the JSON at the head of the body."""
SIZE = "binary_data_size"
"""Parameter of a tensor: bytes of it in the tail."""
_DIGITS = 20
"""Of the largest length there is."""


class BinaryTail:
    """The tensors' bytes, taken one tensor after the other in the order of the JSON."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._taken = 0

    def take(self, size: Any, subject: str) -> memoryview:
        """The next bytes. `size` is whatever the JSON has there. Raises BadRequest naming the tensor."""
        if type(size) is not int or size < 0:
            raise BadRequest(f"{subject}: {SIZE} must be a whole number of bytes")
        if size > len(self._data) - self._taken:
            left = len(self._data) - self._taken
            raise BadRequest(f"{subject}: {SIZE} is {size}, but only {left} bytes are left in the body")
        self._taken += size
        return self._data[self._taken - size : self._taken]

    def check_empty(self) -> None:
        """Raise BadRequest when bytes are left over: the caller counted otherwise than we do."""
        left = len(self._data) - self._taken
        if left:
            raise BadRequest(f"{left} bytes of the body belong to no input: check {SIZE} of each")


def json_length(header: bytes) -> int:
    """What HEADER says; 0 where it says nothing, or nonsense, which `split_body` refuses."""
    return int(header) if header.isdigit() and len(header) <= _DIGITS else 0


def split_body(body: bytes | memoryview, header: bytes) -> tuple[bytes, BinaryTail]:
    """Cut a body into its JSON and its tail. `header` is the value of HEADER. Raises BadRequest."""
    if not header.isdigit() or len(header) > _DIGITS:
        raise BadRequest("Inference-Header-Content-Length: expected a number of bytes")
    length = int(header)
    if length > len(body):
        raise BadRequest(f"Inference-Header-Content-Length is {length}, but the body has {len(body)} bytes")
    return bytes(body[:length]), BinaryTail(memoryview(body)[length:])


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
    """Forms of requests to one model, by their JSON: the same text means the same.

    A caller who sends images one after the other sends the same few hundred bytes before each of them. Bounded; of
    several threads each may read and keep.
    """

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
