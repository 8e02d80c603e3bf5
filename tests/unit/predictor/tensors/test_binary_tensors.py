"""A request whose text was read before is read as the first one was, or refused in the same words."""

import contextlib
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from penstock_predictor.errors import BadRequest, DoesNotFit, RequestError
from penstock_predictor.tensors import codec
from penstock_predictor.tensors.arrays import BY_V2, Array
from penstock_predictor.tensors.binary_tensors import BinaryForms, BinaryTail, decode_raw, encode_raw, split_body

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


TENSORS: dict[str, dict[str, Any]] = {
    "numbers": {"name": "x", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}},
    "flags": {"name": "x", "datatype": "BOOL", "shape": [2], "parameters": {"binary_data_size": 2}},
    "words": {"name": "x", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 5}},
    "no size of such a shape": {"name": "x", "datatype": "INT64", "shape": [2], "parameters": {"binary_data_size": 8}},
}
TAILS = [b"\0\0\xc0\x3f\0\0\0\x40", b"\1\0", b"\1\2", b"\1\0\0\0a", b"\1\0\0\0\xff", b"", b"\0" * 9]


def outcome(read: Callable[[], Mapping[str, Array]]) -> Any:
    try:
        feeds = read()
    except RequestError as error:
        return type(error), str(error)
    return {name: (array.dtype, array.tolist()) for name, array in feeds.items()}


def text(*inputs: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"inputs": inputs} | more).encode()


def kept(body: bytes) -> BinaryForms:
    forms = BinaryForms()
    forms.keep(body, codec.parse(body), ("y",), (True,))
    return forms


@pytest.mark.parametrize("tail", TAILS, ids=repr)
@pytest.mark.parametrize("tensor", TENSORS.values(), ids=TENSORS)
def test_a_text_that_was_read_before_means_the_same(tensor: dict[str, Any], tail: bytes) -> None:
    body = text(tensor)
    form = kept(body).find(body)
    assert form is not None
    assert (form.outputs, form.as_bytes) == (("y",), (True,))
    exact = outcome(lambda: codec.decode(codec.parse(body), BinaryTail(memoryview(tail))).feeds)
    assert outcome(lambda: form.feeds(BinaryTail(memoryview(tail)))) == exact


def test_bytes_of_several_tensors_are_taken_in_their_order() -> None:
    second = TENSORS["flags"] | {"name": "w"}
    body = text(TENSORS["numbers"], second)
    form = kept(body).find(body)
    assert form is not None
    feeds = form.feeds(BinaryTail(memoryview(np.array([1.5, 2], np.float32).tobytes() + b"\1\0")))
    assert (feeds["x"].tolist(), feeds["w"].tolist()) == ([[1.5, 2]], [True, False])


@pytest.mark.parametrize(
    "body",
    [
        text(TENSORS["numbers"], id="a"),
        text({"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}),
        text(TENSORS["numbers"], {"name": "w", "datatype": "FP32", "shape": [1], "data": [1]}),
        text(TENSORS["numbers"], parameters={"a": "b" * 3000}),
    ],
    ids=["an id", "a tensor in the text", "one of two in the text", "long"],
)
def test_a_text_that_will_not_come_again_is_not_kept(body: bytes) -> None:
    assert kept(body).find(body) is None


def test_no_more_than_so_many_are_kept() -> None:
    forms = BinaryForms()
    bodies = [text(TENSORS["numbers"], parameters={"number": number}) for number in range(300)]
    for body in bodies:
        forms.keep(body, codec.parse(body), ("y",), (True,))
    assert sum(forms.find(body) is not None for body in bodies) == 256
