"""The quick readers and the codec read the same arrays, or a quick one leaves a request to the others."""

import json
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.errors import DoesNotFit, RequestError
from penstock_predictor.tensors import codec
from penstock_predictor.tensors.arrays import BY_V2, Array, fits
from penstock_predictor.tensors.quick_json import LONG_BYTES, QuickJson, QuickNumbers, numbers_only

NUMBERS = some.one_of(
    some.integers(-3, 3),
    some.sampled_from([127, 128, 255, 256, 65504, 65519, 65520, 2**24 + 1, 2**31, 2**53 + 1, 2**63, 2**64, 10**400]),
    some.floats(allow_nan=True, allow_infinity=True),
    some.floats(width=16, allow_nan=False, allow_infinity=False),
    some.sampled_from([3.4028235e38, 3.4028236e38, 1e39, 1e-46, -0.0]),
)
ELEMENTS = some.one_of(NUMBERS, some.booleans(), some.text(max_size=3), some.none(), some.just([1]))
OF_KIND = {
    "b": some.booleans(),
    "i": some.integers(-9, 300),
    "u": some.integers(-1, 300),
    "f": NUMBERS,
    "O": some.text(max_size=3),
}
SPECS = {
    "one input": (TensorSpec(name="x", datatype="FP32", shape=(-1, 2)),),
    "two inputs": (
        TensorSpec(name="x", datatype="INT32", shape=(-1,)),
        TensorSpec(name="y", datatype="INT32", shape=(-1, 1)),
    ),
    "inputs of two kinds": (
        TensorSpec(name="x", datatype="FP64", shape=(-1,)),
        TensorSpec(name="y", datatype="BYTES", shape=(-1,)),
    ),
}


def exactly(specs: tuple[TensorSpec, ...], body: bytes) -> tuple[str | None, Mapping[str, Array]] | RequestError:
    """What the codec and the check against the model say."""
    try:
        query = codec.decode(codec.parse(body))
        names = {spec.name: spec for spec in specs}
        if query.feeds.keys() != names.keys():
            return DoesNotFit("other inputs")
        for name, array in query.feeds.items():
            spec = names[name]
            if array.dtype != BY_V2[spec.datatype].numpy or not fits(array.shape, spec.shape):
                return DoesNotFit("another type or shape")
    except RequestError as error:
        return error
    return query.request_id, query.feeds


def hold_all_to_the_same(specs: tuple[TensorSpec, ...], body: bytes) -> list[bool]:
    """Return of each quick reader for such inputs whether it took the request."""
    quick = [QuickJson(specs).read(body)]
    if numbers_only(specs):
        quick.append(QuickNumbers(specs).read(body))
    for query in quick:
        if query is not None:
            hold_to_the_codec(specs, body, *query)
    return [query is not None for query in quick]


def hold_to_the_codec(
    specs: tuple[TensorSpec, ...], body: bytes, request_id: str | None, feeds: Mapping[str, Array]
) -> None:
    exact = exactly(specs, body)
    assert not isinstance(exact, RequestError), exact
    assert request_id == exact[0]
    assert feeds.keys() == exact[1].keys()
    for name, array in feeds.items():
        other = exact[1][name]
        assert (array.dtype, array.shape) == (other.dtype, other.shape)
        assert array.tolist() == other.tolist()
        assert array.dtype.hasobject or array.tobytes() == other.tobytes()  # 0.0 and -0.0 are equal, and not the same


@some.composite
def tensors(draw: some.DrawFn, datatype: str, name: str) -> dict[str, Any]:
    """Often right, and wrong in each way."""
    shape = draw(some.lists(some.integers(-1, 3), min_size=1, max_size=3))
    count = math.prod(shape) if draw(some.integers(0, 9)) else draw(some.integers(0, 5))
    kind = OF_KIND[BY_V2[datatype].numpy.kind]
    elements = kind if draw(some.integers(0, 9)) else some.one_of(kind, ELEMENTS)
    tensor = {
        "name": name if draw(some.integers(0, 9)) else draw(some.sampled_from(["x", "y", "z"])),
        "datatype": datatype if draw(some.integers(0, 9)) else draw(some.sampled_from(list(BY_V2))),
        "shape": shape,
        "data": draw(some.lists(elements, min_size=max(count, 0), max_size=max(count, 0))),
    }
    return tensor | draw(
        some.sampled_from([{}, {}, {}, {}, {"parameters": {"a": 1}}, {"more": [1]}, {"parameters": None}])
    )


@some.composite
def requests(draw: some.DrawFn) -> tuple[tuple[TensorSpec, ...], bytes]:
    """A model's inputs, and a request that means them, more or less."""
    specs = draw(
        some.one_of(
            some.sampled_from(list(SPECS.values())),
            some.sampled_from(list(BY_V2)).map(lambda kind: (TensorSpec(name="x", datatype=kind, shape=(-1,)),)),
        )
    )
    inputs = [draw(tensors(spec.datatype, spec.name)) for spec in specs]
    more: dict[str, Any] = draw(
        some.sampled_from(
            [
                {},
                {},
                {},
                {"id": "a"},
                {"id": None},
                {"id": 5},
                {"outputs": []},
                {"parameters": {}},
                {"more": {"a": [1]}},
            ]
        )
    )
    return specs, json.dumps({"inputs": inputs} | more).encode()


@settings(max_examples=600)
@given(requests())
def test_all_read_the_same(drawn: tuple[tuple[TensorSpec, ...], bytes]) -> None:
    hold_all_to_the_same(*drawn)


BODY = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1.5,2]}],"id":"a"}'


@settings(max_examples=600)
@given(some.data())
def test_all_read_the_same_of_bytes_that_were_damaged(data: some.DataObject) -> None:
    at = data.draw(some.integers(0, len(BODY)))
    gone = data.draw(some.integers(0, 3))
    new = data.draw(
        some.one_of(some.binary(max_size=3), some.sampled_from([b"\\ud800", b'"', b"NaN", b"1e999", b",", b"-0"]))
    )
    hold_all_to_the_same(SPECS["one input"], BODY[:at] + new + BODY[at + gone :])


@settings(max_examples=200)
@given(some.text(max_size=5), some.lists(some.text(max_size=4), max_size=3))
@example("\ud800", ["\udfff"])
def test_texts_are_read_alike(request_id: str, words: list[str]) -> None:
    specs = (TensorSpec(name="x", datatype="BYTES", shape=(-1,)),)
    tensor = {"name": "x", "datatype": "BYTES", "shape": [len(words)], "data": words}
    for escaped in (True, False):
        body = json.dumps({"inputs": [tensor], "id": request_id}, ensure_ascii=escaped)
        hold_all_to_the_same(specs, body.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("datatype", BY_V2)
def test_what_nearly_all_callers_send_is_read_quickly(datatype: str) -> None:
    value = {"BOOL": True, "BYTES": "a"}.get(datatype, 1)
    specs = (TensorSpec(name="x", datatype=datatype, shape=(-1, 2)),)
    tensor = {"name": "x", "datatype": datatype, "shape": [2, 2], "data": [value] * 4}
    assert all(hold_all_to_the_same(specs, json.dumps({"id": "r", "inputs": [tensor]}).encode()))
    assert all(hold_all_to_the_same(specs, json.dumps({"inputs": [tensor | {"shape": [0, 2], "data": []}]}).encode()))


@pytest.mark.parametrize("datatype", ["FP32", "BYTES"])
def test_no_elements_in_a_shape_beyond_all_memory_are_left_to_the_codec(datatype: str) -> None:
    specs = (TensorSpec(name="x", datatype=datatype, shape=(-1, -1)),)
    tensor = {"name": "x", "datatype": datatype, "shape": [0, 10**30], "data": []}
    assert not any(hold_all_to_the_same(specs, json.dumps({"inputs": [tensor]}).encode()))


@pytest.mark.parametrize(
    "body",
    [
        BODY[:-1] + b',"more":"\xff"}',
        BODY[:-1] + b',"more":' + b"[" * 500 + b"]" * 500 + b"}",
        BODY[:-1] + b',"inputs":[]}',
        BODY + b"x",
        b"\xef\xbb\xbf" + BODY,
        b"[" * 1_000_000,
        BODY.replace(b"1.5", b"1" * 5000),
        BODY.replace(b"1,2", b"1.0,2"),
        BODY.replace(b"[1,2]", b"[true,2]"),
        BODY.replace(b"1.5,2", b"1.5,null"),
        BODY.replace(b"1.5,2", b"1.5,true"),
        BODY.replace(b"1.5,2", b"1.5,NaN"),
        BODY.replace(b"1.5,2", b"1.5,1e39"),
        BODY.replace(b"1.5,2", b"[1.5,2]"),
        BODY.replace(b"1.5,2", b"[1.5,2],[]"),
        BODY.replace(b"1.5,2", b"[],[1.5,2]").replace(b'"a"', b'"["'),
        BODY.replace(b'"data":[1.5,2]', b'"data":"["'),
        BODY.replace(b'"shape":[1,2]', b'"shape":"["'),
        BODY.replace(b'"x"', b"[]"),
        b"",
    ],
)
def test_what_is_odd_is_left_to_the_codec(body: bytes) -> None:
    assert not any(hold_all_to_the_same(SPECS["one input"], body))


NUMBERS_AS_TEXT = [
    *("0", "-0", "-0.0", "1e2", "1E-2", "0.1", "123456789.123456789", "1.0", "1.5"),
    *("16777217", "9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551615"),
    *("3.4028235e38", "3.40282356e38", "3.40282357e38", "1e39", "1e-46", "5e-324", "1.7976931348623157e308", "1e309"),
    *("2.4703282292062327e-324", "65504", "65519.99", "65520", "127", "128", "255", "256", "-1", "-129"),
    *("01", "+1", "1.", ".5", "1e", "--1", "0x1"),
]


@settings(max_examples=300)
@given(
    some.sampled_from([spec for spec in BY_V2 if spec not in ("BOOL", "BYTES")]),
    some.lists(some.one_of(some.sampled_from(NUMBERS_AS_TEXT), some.floats(width=32, allow_nan=False).map(repr))),
)
def test_numbers_are_read_alike_to_the_last_bit(datatype: str, numbers: list[str]) -> None:
    specs = (TensorSpec(name="x", datatype=datatype, shape=(-1,)),)
    head = f'{{"inputs":[{{"name":"x","datatype":"{datatype}","shape":[{len(numbers)}],"data":['
    hold_all_to_the_same(specs, f"{head}{','.join(numbers)}]}}]}}".encode())


@pytest.mark.parametrize("count", [500, 50_000])
@pytest.mark.parametrize("datatype", ["FP32", "FP64", "INT64"])
def test_long_bodies_are_read_quickly(datatype: str, count: int) -> None:
    specs = (TensorSpec(name="x", datatype=datatype, shape=(-1, 2)),)
    tensor = {"name": "x", "datatype": datatype, "shape": [count // 2, 2], "data": list(range(-count, 0))}
    body = json.dumps({"inputs": [tensor]}).encode()
    assert len(body) > LONG_BYTES
    assert all(hold_all_to_the_same(specs, body))


def test_of_a_field_that_occurs_twice_the_last_one_counts() -> None:
    body = BODY.replace(b'"data"', b'"data":[1,2],"data"')
    assert hold_all_to_the_same(SPECS["one input"], body) == [True, False]


def test_a_long_body_that_is_odd_is_read_by_the_others() -> None:
    specs = (TensorSpec(name="x", datatype="FP32", shape=(-1,)),)
    body = {"id": "[" * LONG_BYTES, "inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1.5]}]}
    assert hold_all_to_the_same(specs, json.dumps(body).encode()) == [True, False]


def test_two_threads_that_read_at_once_do_not_mix_their_numbers() -> None:
    specs = (TensorSpec(name="x", datatype="FP64", shape=(-1,)),)
    reader = QuickJson(specs)

    def read(number: int) -> bool:
        tensor = {"name": "x", "datatype": "FP64", "shape": [700], "data": [number] * 700}
        body = json.dumps({"inputs": [tensor]}).encode()
        queries = [reader.read(body) for _ in range(50)]
        return all(query is not None and query[1]["x"].tolist() == [number] * 700 for query in queries)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(16)))
