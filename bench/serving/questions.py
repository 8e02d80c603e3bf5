"""Requests of all kinds to our predictor, each with what its reply must be."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.serving.answers import same_values
from bench.serving.models import Array, BenchModel

SIZES = (1, 1, 1, 1, 2, 5, 32, 64)
"""Rows of a request: of several small ones in a row, and large ones between them."""
EXAMPLES = 40
"""Different requests of each size and form."""
_JSON = "application/json"
_LENGTH = "Inference-Header-Content-Length"
_BINARY = {"binary_data_output": True}

Headers = Mapping[str, str]
Check = Callable[[Headers, bytes], bool]


@dataclass(frozen=True)
class KnownRequest:
    """One request."""

    kind: str
    request: bytes
    """As it goes over the connection."""
    status: int
    right: Check
    """Of a reply with that status: whether it is right."""


def questions(model: BenchModel) -> list[KnownRequest]:
    """Good ones of every size and form, and for each form some that do not fit the model, all mixed."""
    forms = (_v2, _v2_with_id, _binary, _predict)
    good = (_good(form, model, rows) for rows in SIZES for form in forms)
    kinds = [list(each) for each in (*good, _bad(model))]
    return [one for row in itertools.zip_longest(*kinds) for one in row if one is not None]


_Form = Callable[[BenchModel, Array, int], tuple[str, bytes, Headers, Check]]


def _good(form: _Form, model: BenchModel, rows: int) -> Iterator[KnownRequest]:
    for number, example in enumerate(model.examples(EXAMPLES, rows)):
        path, body, headers, right = form(model, example, number)
        yield KnownRequest(form.__name__.strip("_"), _post(path, body, headers), HTTPStatus.OK, right)


def _bad(model: BenchModel) -> Iterator[KnownRequest]:
    """A column too few, another type, text for a number, bytes that are missing: each is refused by its name."""
    for number, example in enumerate(model.examples(EXAMPLES, 2)):
        tensor = _tensor(model, example)
        wrong = (
            tensor | {"shape": [2, 29]},
            tensor | {"datatype": "INT64"},
            tensor | {"data": ["one", *tensor["data"][1:]]},
        )[number % 3]
        body = json.dumps({"inputs": [wrong]}).encode()
        yield KnownRequest("refused", _post(_path(model), body, {"Content-Type": _JSON}), 422, _names_the_tensor(model))


def _names_the_tensor(model: BenchModel) -> Check:
    return lambda _, body: f"input '{model.input}'" in json.loads(body)["error"]


def _v2(model: BenchModel, example: Array, _: int) -> tuple[str, bytes, Headers, Check]:
    body = json.dumps({"inputs": [_tensor(model, example)]}).encode()
    return _path(model), body, {"Content-Type": _JSON}, _v2_right(model, example, None)


def _v2_with_id(model: BenchModel, example: Array, number: int) -> tuple[str, bytes, Headers, Check]:
    body = json.dumps({"id": f"q{number}", "inputs": [_tensor(model, example)]}).encode()
    headers = {"Content-Type": _JSON, "x-request-id": f"r{number}"}
    right = _v2_right(model, example, f"q{number}")
    return _path(model), body, headers, lambda got, body: got["x-request-id"] == f"r{number}" and right(got, body)


def _binary(model: BenchModel, example: Array, _: int) -> tuple[str, bytes, Headers, Check]:
    tensor = {name: value for name, value in _tensor(model, example).items() if name != "data"}
    tensor["parameters"] = {"binary_data_size": example.nbytes}
    head = json.dumps({"inputs": [tensor], "parameters": _BINARY}).encode()
    headers = {"Content-Type": "application/octet-stream", _LENGTH: str(len(head))}
    expected = _expected(model, example)

    def right(got: Headers, body: bytes) -> bool:
        length = int(got[_LENGTH.lower()])
        position, found = length, {}
        for output in json.loads(body[:length])["outputs"]:
            size = output["parameters"]["binary_data_size"]
            kind = np.int64 if output["datatype"] == "INT64" else np.float32
            found[output["name"]] = np.frombuffer(body[position : position + size], kind)
            position += size
        return position == len(body) and _same(found, expected)

    return _path(model), head + example.tobytes(), headers, right


def _predict(model: BenchModel, example: Array, _: int) -> tuple[str, bytes, Headers, Check]:
    body = json.dumps({"instances": [_numbers(row) for row in example]}).encode()
    label, probabilities = _expected(model, example)

    def right(_: Headers, body: bytes) -> bool:
        rows = json.loads(body)["predictions"]
        found = {
            label: np.array([row["prediction"] for row in rows]),
            probabilities: np.array([row["probability"] for row in rows]).ravel(),
        }
        return _same(found, _expected(model, example))

    return "/predict", body, {"Content-Type": _JSON}, right


def _v2_right(model: BenchModel, example: Array, request_id: str | None) -> Check:
    expected = _expected(model, example)

    def right(_: Headers, body: bytes) -> bool:
        answer = json.loads(body)
        found = {output["name"]: np.array(output["data"]) for output in answer["outputs"]}
        return answer.get("id") == request_id and _same(found, expected)

    return right


def _expected(model: BenchModel, example: Array) -> dict[str, NDArray[Any]]:
    names = [output.name for output in model.session.get_outputs()]
    arrays = model.session.run(None, {model.input: example})
    return {name: np.asarray(array).ravel() for name, array in zip(names, arrays, strict=True)}


def _same(found: Mapping[str, NDArray[Any]], expected: Mapping[str, NDArray[Any]]) -> bool:
    if found.keys() != expected.keys():
        return False
    return all(same_values(array, expected[name]) for name, array in found.items())


def _tensor(model: BenchModel, example: Array) -> dict[str, Any]:
    shape = list(example.shape)
    return {"name": model.input, "shape": shape, "datatype": "FP32", "data": _numbers(example.ravel())}


def _numbers(values: Array) -> list[float]:
    return [float(str(value)) for value in values]


def _path(model: BenchModel) -> str:
    return f"/v2/models/{model.name}/infer"


def _post(path: str, body: bytes, headers: Headers) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: predictor", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
