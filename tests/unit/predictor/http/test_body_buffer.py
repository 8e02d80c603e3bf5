"""A body of known length in pieces."""

import numpy as np
import pytest

from penstock_predictor.http.body_buffer import BodyBuffer


def test_pieces_become_one_body_and_what_follows_is_left() -> None:
    buffer = BodyBuffer(7, 0)
    assert bytes(buffer.add(memoryview(b"abc"))) == b""
    assert not buffer.complete
    assert bytes(buffer.add(memoryview(b"defgPOST"))) == b"POST"
    assert buffer.complete
    assert bytes(buffer.body) == b"abcdefg"


def test_no_body_is_complete_at_once() -> None:
    buffer = BodyBuffer(0, 0)
    assert buffer.complete
    assert bytes(buffer.add(memoryview(b"x"))) == b"x"


@pytest.mark.parametrize("aligned_from", [0, 1, 63, 64, 131])
def test_tensors_behind_the_json_are_aligned(aligned_from: int) -> None:
    buffer = BodyBuffer(aligned_from + 16, aligned_from)
    tensors = np.frombuffer(buffer.body[aligned_from:], dtype=np.float64)
    assert tensors.ctypes.data % 64 == 0
