"""Tensors as plain bytes: what is read without a copy, what is refused and in which words, what is written."""

import contextlib
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from penstock_predictor.errors import BadRequest, DoesNotFit
from penstock_predictor.tensors.datatypes import BY_V2, Array
from penstock_predictor.tensors.raw_tensors import decode_raw, encode_raw

NUMERIC = [name for name in BY_V2 if name != "BYTES"]
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, Array]:
    """A datatype and an array of it, NaN and infinities among them."""
    datatype = draw(st.sampled_from(NUMERIC))
    return datatype, draw(arrays.arrays(BY_V2[datatype].numpy, SHAPES))


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, Array]:
    """Arrays of text: empty, with zeros, beyond the first plane."""
    return "BYTES", draw(arrays.arrays(np.object_, SHAPES, elements=TEXT))


@given(numbers() | texts())
def test_what_is_written_reads_back_as_the_same(tensor: tuple[str, Array]) -> None:
    datatype, array = tensor
    read = decode_raw("x", datatype, array.shape, encode_raw(array))
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    assert read.tolist() == array.tolist() or read.tobytes() == array.tobytes()  # a NaN equals nothing, not even itself


@given(st.sampled_from(list(BY_V2)), st.lists(st.integers(-1, 2**62), max_size=4), st.binary(max_size=64))
def test_any_bytes_under_any_shape_become_that_shape_or_a_refusal(datatype: str, shape: list[int], data: bytes) -> None:
    with contextlib.suppress(DoesNotFit):
        array = decode_raw("x", datatype, shape, data)
        assert array.shape == tuple(shape)
        assert encode_raw(array) == data


@pytest.mark.parametrize(
    ("datatype", "values", "data"),
    [
        ("BOOL", [True, False], b"\x01\x00"),
        ("UINT16", [1, 256], b"\x01\x00\x00\x01"),
        ("INT32", [-2], b"\xfe\xff\xff\xff"),
        ("INT64", [1], b"\x01" + b"\x00" * 7),
        ("FP16", [1.0], b"\x00\x3c"),
        ("FP32", [1.0], b"\x00\x00\x80\x3f"),
        ("BYTES", ["", "née"], b"\x00\x00\x00\x00\x04\x00\x00\x00n\xc3\xa9e"),
    ],
)
def test_the_form_is_the_protocols(datatype: str, values: list[Any], data: bytes) -> None:
    array = np.array(values, dtype=BY_V2[datatype].numpy)
    assert encode_raw(array) == data
    assert decode_raw("x", datatype, [len(values)], data).tolist() == values


def test_numbers_are_looked_at_where_they_lie() -> None:
    data = np.arange(6, dtype=np.float32).tobytes()
    array = decode_raw("x", "FP32", [2, 3], data)
    assert np.shares_memory(array, np.frombuffer(data, np.uint8))
    assert not array.flags.writeable


def test_numbers_at_an_odd_address_are_moved_to_one_the_processor_reads() -> None:
    body = memoryview(b"{" + np.arange(4, dtype=np.int64).tobytes())
    array = decode_raw("x", "INT64", [4], body[1:])
    assert array.flags.aligned
    assert array.tolist() == [0, 1, 2, 3]


def test_columns_and_foreign_byte_orders_are_written_in_row_major_little_endian_order() -> None:
    columns = np.asfortranarray([[1, 2], [3, 4]], dtype=">i4")
    assert encode_raw(columns) == struct.pack("<4i", 1, 2, 3, 4)


def test_no_rows_are_no_bytes() -> None:
    assert decode_raw("x", "FP32", [0, 3], b"").shape == (0, 3)
    assert decode_raw("x", "BYTES", [0], b"").shape == (0,)


def test_a_scalar_is_one_element() -> None:
    assert decode_raw("x", "FP64", [], struct.pack("<d", 2.5)).item() == 2.5


@pytest.mark.parametrize(
    ("datatype", "shape", "data", "message"),
    [
        ("FP32", [2], b"1234567", "input 'x': expected 8 bytes (shape [2] of FP32), got 7"),
        ("FP32", [2], b"123456789", "input 'x': expected 8 bytes (shape [2] of FP32), got 9"),
        ("INT8", [], b"", "input 'x': expected 1 bytes (shape [] of INT8), got 0"),
        ("INT8", [-1], b"", "input 'x': shape [-1] has a negative dimension"),
        ("INT8", [1] * 33, b"1", "input 'x': 33 dimensions: at most 32 are served"),
        ("INT8", [2**32, 2**32], b"", "input 'x': shape [4294967296, 4294967296] is larger than any array"),
        ("INT8", [10**4299, 10**4299], b"", "is larger than any array"),
        ("INT8", [0, 2**62, 2**62], b"", "is larger than any array"),
        ("FP32", [0, 10**30], b"", "is larger than any array"),
        ("BYTES", [0, 2**62, 2**62], b"", "is larger than any array"),
        ("BOOL", [3], b"\x01\x02\xff", "input 'x', element 1: a BOOL is a byte of 0 or 1, got 2"),
        ("BYTES", [2**40], b"", "input 'x': 0 bytes are too few for 1099511627776 BYTES elements"),
        ("BYTES", [1], b"\x05\x00\x00\x00abc", "input 'x', element 0: its length of 5 bytes"),
        ("BYTES", [2], b"\x03\x00\x00\x00abc\x01", "input 'x', element 1: its length of 1 bytes, or the length itself"),
        ("BYTES", [1], b"\xff\xff\xff\xff", "input 'x', element 0: its length of 4294967295 bytes"),
        ("BYTES", [1], b"\x01\x00\x00\x00ab", "input 'x': 1 bytes are left after the last of 1 BYTES elements"),
        ("BYTES", [1], b"\x02\x00\x00\x00a\xff", "input 'x', element 0: byte 1 is not UTF-8"),
    ],
)
def test_bytes_that_are_not_the_tensor_are_refused(datatype: str, shape: list[int], data: bytes, message: str) -> None:
    with pytest.raises(DoesNotFit) as refusal:
        decode_raw("x", datatype, shape, data)
    assert message in str(refusal.value)
    assert refusal.value.status == 422


def test_an_unknown_datatype_is_named() -> None:
    with pytest.raises(BadRequest, match="input 'x': unknown datatype 'BF16': use one of BOOL, UINT8"):
        decode_raw("x", "BF16", [1], b"12")
