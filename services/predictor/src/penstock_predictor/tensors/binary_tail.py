"""What follows the JSON of a message in the binary tensor extension of V2 over HTTP.

Source: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from typing import Any

from penstock_predictor.errors import BadRequest

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

    def take(self, size: Any, said: str) -> memoryview:
        """The next bytes. `size` is whatever the JSON has there. Raises BadRequest naming the tensor."""
        if type(size) is not int or size < 0:
            raise BadRequest(f"{said}: {SIZE} must be a whole number of bytes")
        if size > len(self._data) - self._taken:
            left = len(self._data) - self._taken
            raise BadRequest(f"{said}: {SIZE} is {size}, but only {left} bytes are left in the body")
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
