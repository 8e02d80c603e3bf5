from typing import Any

import pytest

from penstock_predictor.errors import BadRequest
from penstock_predictor.tensors.binary_tail import BinaryTail, split_body


def test_tensors_are_taken_one_after_the_other() -> None:
    text, tail = split_body(b"{}abcde", b"2")
    assert text == b"{}"
    assert [bytes(tail.take(size, "x")) for size in (2, 0, 3)] == [b"ab", b"", b"cde"]
    tail.check_empty()


@pytest.mark.parametrize("length", [b"0", b"7", b"007"])
def test_json_may_be_nothing_or_everything(length: bytes) -> None:
    text, _ = split_body(b"{}abcde", length)
    assert len(text) == int(length)


@pytest.mark.parametrize("header", [b"", b"-1", b"+2", b" 2", b"2 ", b"0x2", b"2_0", b"\xb2", b"two", b"1" * 21])
def test_a_header_that_is_no_number_is_refused(header: bytes) -> None:
    with pytest.raises(BadRequest, match="expected a number of bytes"):
        split_body(b"{}abcde", header)


def test_more_json_than_there_is_a_body_is_refused() -> None:
    with pytest.raises(BadRequest, match="Inference-Header-Content-Length is 8, but the body has 7 bytes"):
        split_body(b"{}abcde", b"8")


@pytest.mark.parametrize("size", [-1, 2.0, "2", None, True, [2]])
def test_a_size_that_is_no_number_of_bytes_is_refused(size: Any) -> None:
    with pytest.raises(BadRequest, match="input 'x': binary_data_size must be a whole number of bytes"):
        BinaryTail(memoryview(b"abc")).take(size, "input 'x'")


@pytest.mark.parametrize("size", [3, 10**30])
def test_more_than_is_left_is_refused(size: int) -> None:
    tail = BinaryTail(memoryview(b"abc"))
    tail.take(1, "input 'w'")
    with pytest.raises(BadRequest, match=f"input 'x': binary_data_size is {size}, but only 2 bytes are left"):
        tail.take(size, "input 'x'")


def test_bytes_that_belong_to_nothing_are_refused() -> None:
    tail = BinaryTail(memoryview(b"abc"))
    tail.take(1, "x")
    with pytest.raises(BadRequest, match="2 bytes of the body belong to no input"):
        tail.check_empty()
