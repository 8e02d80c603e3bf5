"""ModelInfer's messages: raw or typed, in the form of the question; what is refused as a message."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from penstock_predictor.errors import BadRequest, DoesNotFit, RequestError
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.rpc.messages import (
    FIELDS,
    decode_contents,
    decode_feeds,
    encode_contents,
    encode_response,
    requested_outputs,
    takes_long_to_read,
    takes_long_to_write,
)
from penstock_predictor.rpc.open_inference_pb2 import InferParameter, InferTensorContents, ModelInferRequest
from penstock_predictor.tensors.arrays import BY_V2, Array

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


IDENTITY = ModelIdentity(name="m", version="7", digest="sha256:" + "0" * 64)
Input = ModelInferRequest.InferInputTensor
Output = ModelInferRequest.InferRequestedOutputTensor
FLAG = InferParameter(bool_param=True)


def typed(name: str, value: float) -> Input:
    return Input(name=name, datatype="FP32", shape=[1], contents=InferTensorContents(fp32_contents=[value]))


def raw(name: str) -> Input:
    return Input(name=name, datatype="FP32", shape=[1])


def one(number: float) -> bytes:
    return np.float32(number).tobytes()


def values(feeds: dict[str, Array]) -> dict[str, list[float]]:
    return {name: array.tolist() for name, array in feeds.items()}


def test_typed_inputs_carry_their_own_data() -> None:
    assert values(decode_feeds(ModelInferRequest(inputs=[typed("a", 1), typed("b", 2)]))) == {"a": [1], "b": [2]}


def test_raw_contents_belong_to_the_inputs_in_their_order() -> None:
    request = ModelInferRequest(inputs=[raw("b"), raw("a")], raw_input_contents=[one(2), one(1)])
    assert values(decode_feeds(request)) == {"b": [2], "a": [1]}


def test_empty_contents_beside_raw_ones_say_nothing() -> None:
    tensor = Input(name="a", datatype="FP32", shape=[1], contents=InferTensorContents())
    assert values(decode_feeds(ModelInferRequest(inputs=[tensor], raw_input_contents=[one(1)]))) == {"a": [1]}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            ModelInferRequest(inputs=[raw("a"), raw("b")], raw_input_contents=[one(1)]),
            "raw_input_contents: expected one for each of 2 inputs, got 1",
        ),
        (
            ModelInferRequest(raw_input_contents=[one(1)]),
            "raw_input_contents: expected one for each of 0 inputs, got 1",
        ),
        (
            ModelInferRequest(inputs=[typed("a", 1)], raw_input_contents=[one(1)]),
            "input 'a': it has contents and raw_input_contents: send one of them",
        ),
        (ModelInferRequest(inputs=[typed("a", 1), typed("a", 1)]), "input 'a' occurs twice"),
        (
            ModelInferRequest(inputs=[Input(name="a", parameters={"shared_memory_region": FLAG})]),
            "input 'a': the parameter 'shared_memory_region' is not offered by this server",
        ),
    ],
)
def test_a_message_that_does_not_say_one_thing_is_refused(request_: ModelInferRequest, message: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        decode_feeds(request_)
    assert message in str(refusal.value)


def test_outputs_are_asked_for_by_name_or_not_at_all() -> None:
    assert requested_outputs(ModelInferRequest(outputs=[Output(name="b"), Output(name="a")])) == ("b", "a")
    assert requested_outputs(ModelInferRequest()) is None


def test_a_form_of_output_that_would_be_answered_otherwise_is_refused() -> None:
    asked = [Output(name="y", parameters={"classification": FLAG})]
    with pytest.raises(BadRequest, match="output 'y': the parameter 'classification' is not offered"):
        requested_outputs(ModelInferRequest(outputs=asked))


def test_the_answer_names_what_computed_it() -> None:
    response = encode_response(ModelInferRequest(id="q"), IDENTITY, {})
    assert (response.model_name, response.model_version, response.id) == ("m", "7", "q")
    assert response.parameters["digest"].string_param == IDENTITY.digest


def test_a_typed_question_has_a_typed_answer() -> None:
    arrays: dict[str, Array] = {"y": np.array([[1.5]], np.float32), "word": np.array(["née"], np.object_)}
    response = encode_response(ModelInferRequest(inputs=[typed("a", 1)]), IDENTITY, arrays)
    assert [(output.name, output.datatype, list(output.shape)) for output in response.outputs] == [
        ("y", "FP32", [1, 1]),
        ("word", "BYTES", [1]),
    ]
    assert list(response.outputs[0].contents.fp32_contents) == [1.5]
    assert list(response.outputs[1].contents.bytes_contents) == ["née".encode()]
    assert not response.raw_output_contents


def test_a_raw_question_has_a_raw_answer() -> None:
    request = ModelInferRequest(inputs=[raw("a")], raw_input_contents=[one(1)])
    response = encode_response(request, IDENTITY, {"y": np.array([1.5], np.float32), "n": np.array([2], np.int64)})
    assert list(response.raw_output_contents) == [one(1.5), np.int64(2).tobytes()]
    assert not any(output.HasField("contents") for output in response.outputs)


def test_an_fp16_answer_is_raw_whatever_the_question_was() -> None:
    arrays: dict[str, Array] = {"n": np.array([2], np.int64), "y": np.array([0.5], np.float16)}
    response = encode_response(ModelInferRequest(inputs=[typed("a", 1)]), IDENTITY, arrays)
    assert list(response.raw_output_contents) == [np.int64(2).tobytes(), np.float16(0.5).tobytes()]


@pytest.mark.parametrize(
    ("datatype", "shape", "long"),
    [("BYTES", [100, 100], True), ("BYTES", [10, 10], False), ("INT8", [100, 100], False)],
)
def test_only_many_texts_take_long_to_read(datatype: str, shape: list[int], *, long: bool) -> None:
    tensor = Input(name="a", datatype=datatype, shape=shape)
    assert takes_long_to_read(ModelInferRequest(inputs=[tensor])) is long


@pytest.mark.parametrize(
    ("question", "kind", "long"),
    [
        (ModelInferRequest(inputs=[typed("a", 1)]), np.float32, True),
        (ModelInferRequest(inputs=[raw("a")], raw_input_contents=[one(1)]), np.float32, False),
        (ModelInferRequest(inputs=[raw("a")], raw_input_contents=[one(1)]), np.object_, True),
    ],
    ids=["typed", "raw numbers", "raw texts"],
)
def test_all_but_raw_numbers_takes_long_to_write(question: ModelInferRequest, kind: type, *, long: bool) -> None:
    assert takes_long_to_write(question, {"y": np.zeros(10_000, kind)}) is long
    assert not takes_long_to_write(question, {"y": np.zeros(100, kind)})
