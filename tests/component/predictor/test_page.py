"""The page at `/` and what it is filled in with, over a real model."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock_contracts.inference import InferRequest, InferResponse, RequestInput, ResponseOutput
from penstock_contracts.model_card import Column
from penstock_testing import tiny_models
from penstock_testing.model_folder import card_of

from .conftest import StartApp, WriteScaled, tensor

HOSTILE = "</script><img src=x onerror=alert(1)>"


def write_columns(folder: Path, columns: list[Column] | None, amounts: list[float], words: list[str]) -> None:
    """A model with an input for each of two columns, and a golden request of these rows."""
    tiny_models.mixed_columns(folder / "model.onnx")
    shape = (len(amounts), 1)
    request = InferRequest(
        inputs=(
            RequestInput(name="amount", shape=shape, datatype="FP32", data=amounts),
            RequestInput(name="country", shape=shape, datatype="BYTES", data=words),
        )
    )
    outputs = (
        ResponseOutput(name="twice", shape=shape, datatype="FP32", data=[2 * amount for amount in amounts]),
        ResponseOutput(name="word", shape=shape, datatype="BYTES", data=words),
    )
    card = card_of(folder, request=request, response=InferResponse(model_name="m", outputs=outputs), columns=columns)
    (folder / "card.json").write_text(card.model_dump_json())


async def example_from(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/example")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_only_the_pages_own_script_and_style_run(scaled_folder: Path, start_app: StartApp) -> None:
    async with start_app(scaled_folder) as app:
        answer = await app.client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", answer.text, flags=re.DOTALL)
        named = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[f"{tag}-src"] == f"'sha256-{named}'"


async def test_the_page_is_complete_in_itself(scaled_folder: Path, start_app: StartApp) -> None:
    async with start_app(scaled_folder) as app:
        page = (await app.client.get("/")).text
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert not re.findall(r"<script[^>]+src|<link[^>]+href=\"(?!data:)|@import|url\(", page)
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", page)
    assert not re.findall(r"\son\w+=|\sstyle=", page), "the policy would block it"


async def test_with_columns_the_example_is_a_row_of_features(tmp_path: Path, start_app: StartApp) -> None:
    columns = [Column(name="amount", type="double", required=False), Column(name="country", type="string")]
    write_columns(tmp_path, columns, [4.1, 5.0], ["CH", "AT"])
    async with start_app(tmp_path, model_name="m", model_version="2") as app:
        example = await example_from(app.client)
        infer = await app.client.post(example["infer_path"], json=example["infer"])
        rows = await app.client.post("/predict", json={"instances": [example["predict"]["features"]]})
    assert (example["model_name"], example["model_version"], example["source"]) == ("m", "2", "InputExample")
    assert example["digest"] == infer.headers["x-penstock-digest"]
    assert example["columns"] == [
        {"name": "amount", "type": "double", "required": False, "input": None},
        {"name": "country", "type": "string", "required": True, "input": None},
    ]
    assert example["predict"] == {"features": {"amount": 4.1, "country": "CH"}}
    assert example["infer_path"] == "/v2/models/m/infer"
    assert example["infer"] == {
        "inputs": [
            tensor("amount", "FP32", [2, 1], [[4.1], [5.0]]),
            tensor("country", "BYTES", [2, 1], [["CH"], ["AT"]]),
        ]
    }
    assert (infer.status_code, rows.status_code) == (200, 200)


async def test_a_card_without_columns_is_tried_by_tensors(scaled_folder: Path, start_app: StartApp) -> None:
    async with start_app(scaled_folder, model_name="scaled") as app:
        example = await example_from(app.client)
        answer = await app.client.post(example["infer_path"], json=example["infer"])
    assert (example["columns"], example["predict"], example["source"]) == (None, None, "InputExample")
    assert example["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]
    assert example["infer"] == {"inputs": [tensor("x", "FP32", [1, 2], [[1.0, 2.0]])]}
    assert answer.json()["outputs"] == [tensor("y", "FP32", [1, 2], [3.0, 6.0])]


async def test_without_a_card_the_example_is_generated(tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.mixed_columns(tmp_path / "model.onnx")
    async with start_app(tmp_path) as app:
        example = await example_from(app.client)
        answer = await app.client.post(example["infer_path"], json=example["infer"])
    assert (example["columns"], example["predict"], example["source"]) == (None, None, "Generated")
    assert [one["data"] for one in example["infer"]["inputs"]] == [[[0.0]], [[""]]]
    assert answer.status_code == 200


async def test_a_column_that_tells_the_browser_to_run_something_stays_data(tmp_path: Path, start_app: StartApp) -> None:
    """The graph does not use the column: its example is made up."""
    columns = [
        Column(name="amount", type="double"),
        Column(name="country", type="string"),
        Column(name=HOSTILE, type="string"),
    ]
    write_columns(tmp_path, columns, [1], [HOSTILE])
    name = HOSTILE.partition("</script>")[2]  # names have no slash
    async with start_app(tmp_path, model_name=name, model_version=name) as app:
        page = await app.client.get("/")
        answer = await app.client.get("/example")
    assert name
    assert name not in page.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["predict"] == {"features": {"amount": 1.0, "country": HOSTILE, HOSTILE: ""}}


@pytest.mark.parametrize(
    ("rows", "shown"),
    [(2, 2), (2000, 1)],
    ids=["few rows are all shown", "of more rows than a person edits, the first"],
)
async def test_how_many_rows_are_shown(rows: int, shown: int, tmp_path: Path, start_app: StartApp) -> None:
    write_columns(tmp_path, None, [1.0] * rows, ["CH"] * rows)
    async with start_app(tmp_path) as app:
        example = await example_from(app.client)
    assert [one["shape"] for one in example["infer"]["inputs"]] == [[shown, 1], [shown, 1]]


async def test_numbers_that_travel_in_a_float_tensor_are_written_as_their_columns_type(
    tmp_path: Path, start_app: StartApp
) -> None:
    tiny_models.scaled(tmp_path / "model.onnx", 2)
    request = InferRequest(inputs=(RequestInput(name="x", shape=(1, 2), datatype="FP32", data=[3, 1]),))
    output = ResponseOutput(name="y", shape=(1, 2), datatype="FP32", data=[6, 2])
    columns = [Column(name="visits", type="long"), Column(name="known", type="boolean")]
    card = card_of(
        tmp_path, request=request, response=InferResponse(model_name="m", outputs=(output,)), columns=columns
    )
    (tmp_path / "card.json").write_text(card.model_dump_json())
    async with start_app(tmp_path) as app:
        answer = await app.client.get("/example")
    assert '"features":{"visits":3,"known":true}' in answer.text


async def test_before_the_model_is_there_the_page_is_and_its_example_says_why_not(
    tmp_path: Path, write_scaled: WriteScaled, start_app: StartApp
) -> None:
    write_scaled(tmp_path, factor=3, golden_factor=4)
    async with start_app(tmp_path) as app:
        page = await app.client.get("/")
        example = await app.client.get("/example")
    assert page.status_code == 200
    assert example.status_code == 503
    assert "golden request" in example.json()["error"]


async def test_the_example_is_described(scaled_folder: Path, start_app: StartApp) -> None:
    async with start_app(scaled_folder) as app:
        document = (await app.client.get("/openapi.json")).json()
    answers = document["paths"]["/example"]["get"]["responses"]
    assert answers["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Example"}
    assert "503" in answers
    assert list(document["paths"]["/"]["get"]["responses"]["200"]["content"]) == ["text/html"]
    assert "infer_path" in json.dumps(document["components"]["schemas"]["Example"])
