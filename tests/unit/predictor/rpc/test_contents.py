"""Tensors as repeated fields: what is read, what is refused and in which words, what is written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from penstock_predictor.errors import BadRequest, DoesNotFit, RequestError
from penstock_predictor.rpc.contents import FIELDS, decode_contents, encode_contents
from penstock_predictor.rpc.open_inference_pb2 import InferTensorContents, ModelInferRequest
from penstock_predictor.tensors.datatypes import BY_V2, Array

SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def tensor(datatype: str, shape: list[int], contents: InferTensorContents | None) -> ModelInferRequest.InferInputTensor:
    return ModelInferRequest.InferInputTensor(name="x", datatype=datatype, shape=shape, contents=contents)


@st.composite
def tensors(draw: st.DrawFn) -> tuple[str, Array]:
    datatype = draw(st.sampled_from(list(FIELDS)))
    elements = TEXT if datatype == "BYTES" else None
    return datatype, draw(arrays.arrays(BY_V2[datatype].numpy, SHAPES, elements=elements))


@given(tensors())
def test_what_is_written_reads_back_as_the_same(written: tuple[str, Array]) -> None:
    datatype, array = written
    read = decode_contents(tensor(datatype, list(array.shape), encode_contents(array)))
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(read, array)


def test_every_datatype_but_fp16_has_a_field() -> None:
    assert set(BY_V2) - set(FIELDS) == {"FP16"}


@pytest.mark.parametrize(
    ("datatype", "shape", "contents", "kind", "message"),
    [
        ("FP32", [3], {"fp32_contents": [1, 2]}, DoesNotFit, "input 'x': expected 3 elements in fp32_contents (shape"),
        ("FP32", [1], {}, DoesNotFit, "input 'x': expected 1 elements in fp32_contents (shape [1]), got 0"),
        (
            "FP32",
            [1],
            {"fp64_contents": [1]},
            BadRequest,
            "FP32 travels in fp32_contents, the request has fp64_contents",
        ),
        (
            "INT8",
            [1],
            {"int_contents": [1], "uint_contents": [1]},
            BadRequest,
            "INT8 travels in int_contents, the request has uint_contents",
        ),
        ("INT8", [2], {"int_contents": [127, 128]}, DoesNotFit, "input 'x', element 1: 128 is out of range for INT8"),
        ("UINT16", [1], {"uint_contents": [65536]}, DoesNotFit, "element 0: 65536 is out of range for UINT16"),
        ("FP16", [1], {"fp32_contents": [1]}, BadRequest, "FP16 has no typed contents: send raw_input_contents"),
        ("BYTES", [2], {"bytes_contents": [b"a", b"\xff"]}, DoesNotFit, "input 'x', element 1: byte 0 is not UTF-8"),
        ("INT64", [-1], {"int64_contents": [1]}, DoesNotFit, "shape [-1] has a negative dimension"),
        ("INT64", [0, 2**62, 2**62], {}, DoesNotFit, "is larger than any array"),
        ("BF16", [1], {}, BadRequest, "input 'x': unknown datatype 'BF16': use one of BOOL, UINT8"),
    ],
)
def test_contents_that_are_not_the_tensor_are_refused(
    datatype: str, shape: list[int], contents: dict[str, list[int]], *, kind: type[RequestError], message: str
) -> None:
    with pytest.raises(kind) as refusal:
        decode_contents(tensor(datatype, shape, InferTensorContents(**contents)))  # type: ignore[arg-type]
    assert message in str(refusal.value)


def test_no_elements_need_no_contents() -> None:
    assert decode_contents(tensor("INT16", [0, 3], None)).shape == (0, 3)
