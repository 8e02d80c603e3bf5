"""A request whose text was read before is read as the first one was, or refused in the same words."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from penstock_predictor.errors import RequestError
from penstock_predictor.tensors import codec
from penstock_predictor.tensors.binary_forms import BinaryForms
from penstock_predictor.tensors.binary_tail import BinaryTail
from penstock_predictor.tensors.datatypes import Array

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
