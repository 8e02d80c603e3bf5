"""V2 JSON: what is read, what is refused and in which words, what is written."""

import json
import math
from typing import Any

import numpy as np
import pytest

from penstock_contracts.inference import InferResponse
from penstock_predictor.errors import DoesNotFit, RequestError
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.tensors.answers import InferAnswers
from penstock_predictor.tensors.arrays import BY_V2, Array
from penstock_predictor.tensors.codec import decode, parse

IDENTITY = ModelIdentity(name="m", version="7", digest="sha256:" + "0" * 64)


def body(**tensor: Any) -> bytes:
    return json.dumps({"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]} | tensor]}).encode()


def encode(request_id: str | None, arrays: dict[str, Array]) -> bytes:
    return InferAnswers(IDENTITY).json(request_id, list(arrays), list(arrays.values()))


def decoded(request: bytes) -> Array:
    return decode(parse(request)).feeds["x"]


@pytest.mark.parametrize(
    "data",
    [[1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]],
    ids=["flat", "nested"],
)
def test_data_may_be_flat_or_nested(data: list[Any]) -> None:
    array = decoded(body(shape=[2, 3], data=data))
    assert array.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_three_levels_of_nesting() -> None:
    assert decoded(body(shape=[1, 2, 1], data=[[[1], [2]]])).shape == (1, 2, 1)


def test_a_scalar_has_no_dimension_and_one_element() -> None:
    array = decoded(body(shape=[], data=[5]))
    assert array.shape == ()
    assert array.item() == 5


def test_no_rows_are_no_error_of_the_codec() -> None:
    assert decoded(body(shape=[0, 3], data=[])).shape == (0, 3)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        ({"data": [1]}, "input 'x': expected 2 elements (shape [2]), got 1"),
        ({"data": []}, "input 'x': expected 2 elements (shape [2]), got 0"),
        ({"shape": [2, 2], "data": [[1, 2], [3]]}, "input 'x': nested data does not have the stated shape"),
        ({"shape": [2, 2], "data": [[1, 2], 3]}, "input 'x': nested data does not have the stated shape"),
        ({"shape": [2, 2], "data": [1, [2], 3, 4]}, "input 'x', element 1: expected a number or null, got [2]"),
        ({"shape": [3, 1], "data": [[1], [2]]}, "input 'x': expected 3 elements in its first dimension, got 2"),
        ({"shape": [2, 1], "data": [[[1]], [[2]]]}, "input 'x', element 0: expected a number or null, got [1]"),
        ({"shape": [], "data": [[1]]}, "input 'x', element 0: expected a number or null, got [1]"),
        ({"shape": [-1, 2]}, "input 'x': shape [-1, 2] has a negative dimension"),
        ({"shape": [0, 10**18, 10**18], "data": []}, "input 'x': shape [0, 1000000000000000000, 1000000000000000000]"),
        ({"shape": [0, 10**30], "data": []}, "is larger than any array"),
        ({"shape": [1] * 33, "data": [1]}, "input 'x': 33 dimensions: at most 32 are served"),
        ({"shape": ["2"]}, "inputs.0.shape.0: Input should be a valid integer"),
        ({"shape": [True]}, "inputs.0.shape.0: Input should be a valid integer"),
        ({"shape": [1e300]}, "inputs.0.shape.0: Input should be a valid integer"),
        ({"datatype": "FP8"}, "input 'x': unknown datatype 'FP8': use one of BOOL, UINT8"),
        ({"datatype": "fp32"}, "input 'x': unknown datatype 'fp32'"),
        ({"name": 3}, "inputs.0.name: Input should be a valid string"),
        ({"data": "12"}, "inputs.0.data: Input should be a valid"),
        ({"data": [None, {}]}, "input 'x', element 1: expected a number or null, got {}"),
        ({"data": [], "parameters": {"binary_data_size": 8}}, "the request has no header Inference-Header-Content"),
        ({"data": [], "parameters": {"shared_memory_region": "a"}}, "'shared_memory_region' is not offered"),
        ({"data": ["YQ=="], "parameters": {"content_type": "base64"}}, "content_type 'base64' is not read: send text"),
    ],
)
def test_a_tensor_that_cannot_be_read_is_named(tensor: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError) as refusal:
        decoded(body(**tensor))
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "the body is not a valid request: Invalid JSON: EOF"),
        (b"{", "the body is not a valid request: Invalid JSON: EOF"),
        (b"\xff\xfe", "the body is not a valid request: Invalid JSON"),
        (b"[" * 1_000_000, "the body is not a valid request: Invalid JSON: recursion limit exceeded"),
        (b"[]", "the body is not a valid request: Input should be an object"),
        (b"null", "the body is not a valid request: Input should be an object"),
        (b"{}", "inputs: Field required"),
        (b'{"inputs": {}}', "inputs: Input should be a valid array"),
        (b'{"inputs": [1]}', "inputs.0: Input should be an object"),
        (b'{"instances": [[1, 2]]}', 'Rows are answered at /predict: {"instances": [row, ...]}'),
        (
            b'{"inputs": [[1, 2]]}',
            'expected {"inputs": [{"name": ..., "shape": [...], "datatype": ..., "data": [...]}]}',
        ),
        (b'{"dataframe_split": {"columns": ["a"], "data": [[1]]}}', "Rows are answered at /predict"),
        (b'{"inputs": [{"name": "x"}]}', "inputs.0.shape: Field required"),
        (b'{"id": 4, "inputs": []}', "id: Input should be a valid string"),
        (b'{"inputs": [], "outputs": ["y"]}', "outputs.0: Input should be an object"),
        (b'{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["\\ud800"]}]}', "Invalid JSON"),
        (b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[NaN]}]}', "nan is not a finite FP32"),
        (b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[-Infinity]}]}', "-inf is not a finite FP32"),
        (b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[1e999]}]}', "inf is not a finite FP64"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(RequestError) as refusal:
        decode(parse(raw))
    assert message in str(refusal.value)


def test_an_input_given_twice_is_refused() -> None:
    tensor = {"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}
    with pytest.raises(DoesNotFit, match="input 'x' occurs twice"):
        decode(parse(json.dumps({"inputs": [tensor, tensor]}).encode()))


@pytest.mark.parametrize(("outputs", "asked"), [([], None), ([{"name": "b"}, {"name": "a"}], ("b", "a"))])
def test_the_outputs_asked_for_keep_their_order(outputs: list[Any], asked: tuple[str, ...] | None) -> None:
    assert decode(parse(json.dumps({"inputs": [], "outputs": outputs}).encode())).outputs == asked


@pytest.mark.parametrize("datatype", list(BY_V2))
def test_every_datatype_is_written_as_the_protocol_says(datatype: str) -> None:
    kind = BY_V2[datatype]
    values = {"b": [True, False], "O": ["a", "née"], "f": [0.5, -2.0]}.get(kind.numpy.kind, [1, 2])
    array = np.array(values, dtype=kind.numpy).reshape(2, 1)
    answer = InferResponse.model_validate_json(encode("r1", {"y": array}), strict=True)
    assert (answer.model_name, answer.model_version, answer.id) == ("m", "7", "r1")
    assert answer.parameters == {"digest": IDENTITY.digest}
    (output,) = answer.outputs
    assert (output.name, output.datatype, output.shape, output.data) == ("y", datatype, (2, 1), values)


def test_without_a_request_id_the_answer_has_none() -> None:
    assert "id" not in json.loads(encode(None, {}))


def test_what_json_cannot_carry_is_null() -> None:
    array = np.array([math.nan, math.inf, -math.inf, 1.0], dtype=np.float32)

    def refuse(literal: str) -> None:
        raise AssertionError(f"{literal} is not JSON")

    answer = json.loads(encode(None, {"y": array}), parse_constant=refuse)
    assert answer["outputs"][0]["data"] == [None, None, None, 1.0]


def test_large_integers_keep_every_digit() -> None:
    array = np.array([2**64 - 1], dtype=np.uint64)
    assert json.loads(encode(None, {"y": array}))["outputs"][0]["data"] == [18446744073709551615]


def test_an_fp32_answer_reads_back_as_the_same_fp32() -> None:
    array = np.array([0.1, 1e-45, 3.4028235e38], dtype=np.float32)
    data = json.loads(encode(None, {"y": array}))["outputs"][0]["data"]
    assert (np.array(data, dtype=np.float32) == array).all()
