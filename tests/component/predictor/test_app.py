"""The routes over a real model, through the application's lifespan."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock_contracts.build import VERSION
from penstock_contracts.inference import InferRequest, InferResponse, RequestInput, ResponseOutput
from penstock_contracts.model_card import Column
from penstock_testing import tiny_models
from penstock_testing.model_folder import card_of

from .conftest import StartApp, WriteScaled, tensor

ROW = {"inputs": [tensor("x", "FP32", [1, 2], [1, 2])]}
INFER = "/v2/models/scaled/versions/7/infer"
NAMED = {"model_name": "scaled", "model_version": "7"}


async def test_an_answer_names_what_computed_it(scaled_folder: Path, start_app: StartApp) -> None:
    digest = json.loads((scaled_folder / "card.json").read_text())["digest"]
    async with start_app(scaled_folder, **NAMED, model_digest=digest) as app:
        answer = await app.client.post(INFER, json=ROW | {"id": "r-1"})
    assert answer.status_code == 200
    assert answer.headers["x-penstock-digest"] == digest
    assert answer.json() == {
        "model_name": "scaled",
        "model_version": "7",
        "id": "r-1",
        "parameters": {"digest": digest},
        "outputs": [tensor("y", "FP32", [1, 2], [3.0, 6.0])],
    }


async def test_metadata_health_and_description(scaled_folder: Path, start_app: StartApp) -> None:
    async with start_app(scaled_folder, **NAMED) as app:
        get = app.client.get
        assert (await get("/v2")).json() == {
            "name": "penstock-predictor",
            "version": VERSION,
            "extensions": ["binary_tensor_data"],
        }
        assert (await get("/v2/health/live")).json() == {"live": True}
        assert (await get("/v2/health/ready")).json() == {"ready": True}
        assert (await get("/v2/models/scaled/ready")).json() == {"name": "scaled", "ready": True}
        assert (await get("/v2/models/scaled/versions/7/ready")).status_code == 200
        assert (await get("/v2/models/scaled/versions/7")).json() == (await get("/v2/models/scaled")).json()
        assert (await get("/v2/models/scaled")).json() == {
            "name": "scaled",
            "versions": ["7"],
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
            "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
        }
        health = (await get("/health")).json()
        assert (health["state"], health["model_name"], health["version"]) == ("Ready", "scaled", "7")
        assert health["digest"].startswith("sha256:")
        paths = (await get("/openapi.json")).json()["paths"]
        schema = paths["/v2/models/{name}/infer"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/InferRequest"}


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        (INFER, {"inputs": []}, 422, "input 'x' is missing: this model takes ['x']"),
        (INFER, {"inputs": [tensor("z", "FP32", [1], [1])]}, 422, "unknown input 'z': this model takes ['x']"),
        (INFER, {"inputs": [tensor("x", "FP64", [1, 2], [1, 2])]}, 422, "this model takes FP32, the request says FP64"),
        (INFER, {"inputs": [tensor("x", "FP32", [1, 3], [1, 2, 3])]}, 422, "expected shape [-1, 2] (-1: any size)"),
        (INFER, ROW | {"outputs": [{"name": "z"}]}, 422, "unknown output 'z': this model has ['y']"),
        ("/v2/models/other/infer", ROW, 404, "unknown model 'other': this pod serves 'scaled'"),
        ("/v2/models/scaled/versions/8/infer", ROW, 404, "unknown version '8' of model 'scaled'"),
        (
            "/predict",
            {"instances": [{"x": 1}]},
            422,
            "row 0: this model has no signature with named columns: send a list",
        ),
        ("/v2/models/scaled", {}, 405, "POST /v2/models/scaled: Method Not Allowed"),
        ("/v3", {}, 404, "POST /v3: Not Found"),
    ],
)
async def test_refusals_have_one_form(
    path: str, body: object, status: int, message: str, *, scaled_folder: Path, start_app: StartApp
) -> None:
    async with start_app(scaled_folder, **NAMED) as app:
        answer = await app.client.post(path, json=body)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert message in answer.json()["error"]


async def test_malformed_json_is_400(scaled_folder: Path, start_app: StartApp) -> None:
    async with start_app(scaled_folder, **NAMED) as app:
        answer = await app.client.post(INFER, content=b'{"inputs": [')
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("the body is not a valid request: Invalid JSON")


async def test_outputs_are_filtered_and_ordered_as_asked(tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.mixed_columns(tmp_path / "model.onnx")
    inputs = [tensor("amount", "FP32", [1, 1], [4]), tensor("country", "BYTES", [1, 1], ["CH"])]
    async with start_app(tmp_path) as app:
        everything = await app.client.post("/v2/models/model/infer", json={"inputs": inputs})
        asked = {"inputs": inputs, "outputs": [{"name": "word"}]}
        one = await app.client.post("/v2/models/model/infer", json=asked)
    assert [output["name"] for output in everything.json()["outputs"]] == ["twice", "word"]
    assert one.json()["outputs"] == [tensor("word", "BYTES", [1, 1], ["CH"])]


async def test_an_output_that_is_no_tensor_is_left_out(tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.sequence_output(tmp_path / "model.onnx")
    async with start_app(tmp_path) as app:
        answer = await app.client.post("/v2/models/model/infer", json={"inputs": [tensor("x", "FP32", [1], [5])]})
        metadata = await app.client.get("/v2/models/model")
    assert answer.json()["outputs"] == [tensor("y", "FP32", [1], [5.0])]
    assert [output["name"] for output in metadata.json()["outputs"]] == ["y"]


@pytest.fixture
def mixed_folder(tmp_path: Path) -> Path:
    """A model with a signature of two columns."""
    tiny_models.mixed_columns(tmp_path / "model.onnx")
    request = InferRequest(
        inputs=(
            RequestInput(name="amount", shape=(1, 1), datatype="FP32", data=[4]),
            RequestInput(name="country", shape=(1, 1), datatype="BYTES", data=["CH"]),
        )
    )
    outputs = (
        ResponseOutput(name="twice", shape=(1, 1), datatype="FP32", data=[8]),
        ResponseOutput(name="word", shape=(1, 1), datatype="BYTES", data=["CH"]),
    )
    card = card_of(
        tmp_path,
        request=request,
        response=InferResponse(model_name="m", outputs=outputs),
        columns=[Column(name="amount", type="double"), Column(name="country", type="string")],
    )
    (tmp_path / "card.json").write_text(card.model_dump_json())
    return tmp_path


async def test_named_features_become_one_object_a_row(mixed_folder: Path, start_app: StartApp) -> None:
    rows = [{"amount": 4, "country": "CH"}, {"country": "", "amount": None}]
    async with start_app(mixed_folder, model_name="m", model_version="2") as app:
        answer = await app.client.post("/predict", json={"instances": rows})
    body = answer.json()
    assert body["predictions"] == [{"prediction": "CH", "scores": 8.0}, {"prediction": "", "scores": None}]
    assert (body["model_name"], body["model_version"]) == ("m", "2")
    assert body["digest"] == answer.headers["x-penstock-digest"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"amount": 1}], "row 0: column 'country' is missing"),
        ([{"amount": 1, "country": "", "age": 3}], "row 0: unknown column 'age'"),
        ([{"amount": "1", "country": ""}], "row 0, column 'amount': expected a number or null, got '1'"),
    ],
)
async def test_a_wrong_row_is_named(
    rows: list[dict[str, Any]], message: str, mixed_folder: Path, start_app: StartApp
) -> None:
    async with start_app(mixed_folder) as app:
        answer = await app.client.post("/predict", json={"instances": rows})
    assert answer.status_code == 422
    assert message in answer.json()["error"]


async def test_a_failure_inside_the_model_is_500_and_says_why(tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.picky(tmp_path / "model.onnx")
    request = InferRequest(inputs=(RequestInput(name="x", shape=(3,), datatype="FP32", data=[1, 2, 3]),))
    output = ResponseOutput(name="y", shape=(1, 3), datatype="FP32", data=[1, 2, 3])
    card = card_of(tmp_path, request=request, response=InferResponse(model_name="m", outputs=(output,)))
    (tmp_path / "card.json").write_text(card.model_dump_json())
    async with start_app(tmp_path) as app:
        bad = await app.client.post("/v2/models/model/infer", json={"inputs": [tensor("x", "FP32", [1], [1])]})
        good = await app.client.post("/v2/models/model/infer", json={"inputs": [tensor("x", "FP32", [3], [1, 2, 3])]})
    assert bad.status_code == 500
    assert "cannot be reshaped" in bad.json()["error"]
    assert good.status_code == 200


# -- limits


async def test_a_body_that_announces_too_much_is_refused_unread(scaled_folder: Path, start_app: StartApp) -> None:
    async def never_read() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    async with start_app(scaled_folder, **NAMED, max_body_bytes=1000) as app:
        answer = await app.client.post(INFER, content=never_read(), headers={"content-length": "1001"})
    assert answer.status_code == 413
    assert answer.json() == {"error": "the body is larger than 1000 bytes: send fewer rows in one request"}


async def test_a_body_without_a_length_is_read_no_further_than_the_limit(
    scaled_folder: Path, start_app: StartApp
) -> None:
    sent = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            sent.append(100)
            yield b" " * 100

    async with start_app(scaled_folder, **NAMED, max_body_bytes=1000) as app:
        answer = await app.client.post(INFER, content=endless())
    assert answer.status_code == 413
    assert sum(sent) <= 1200


async def test_a_body_of_just_the_limit_is_answered(scaled_folder: Path, start_app: StartApp) -> None:
    body = json.dumps(ROW).encode()
    async with start_app(scaled_folder, **NAMED, max_body_bytes=1000) as app:
        answer = await app.client.post(INFER, content=body + b" " * (1000 - len(body)))
    assert answer.status_code == 200


async def test_a_body_that_does_not_arrive_in_time_is_408(scaled_folder: Path, start_app: StartApp) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with start_app(scaled_folder, **NAMED, request_timeout_seconds=0.2) as app:
        answer = await app.client.post(INFER, content=stalled())
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")
    assert answer.json() == {"error": "the body did not arrive within 0.2 s"}


def rounds(number: int) -> dict[str, Any]:
    return {"inputs": [tensor("rounds", "INT64", [1], [number])]}


SLOW = 1500
"""Rounds of 33 million operations: several times the time limits below on any processor."""


async def test_an_answer_past_its_deadline_is_504_and_health_goes_on(tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.slow(tmp_path / "model.onnx")
    async with start_app(tmp_path, request_timeout_seconds=0.05) as app:
        late = asyncio.create_task(app.client.post("/v2/models/model/infer", json=rounds(SLOW)))
        await asyncio.sleep(0)
        assert (await app.client.get("/v2/health/live")).status_code == 200
        assert not late.done()
        answer = await late
        assert answer.status_code == 504
        assert answer.json() == {"error": "no answer within 0.05 s, the time limit of this request"}


async def test_what_is_beyond_the_limit_in_flight_is_429_and_the_rest_is_answered(
    tmp_path: Path, start_app: StartApp
) -> None:
    tiny_models.slow(tmp_path / "model.onnx")
    async with start_app(tmp_path, max_in_flight=3, threads=1, request_timeout_seconds=60) as app:
        sent = [app.client.post("/v2/models/model/infer", json=rounds(SLOW // 4)) for _ in range(8)]
        answers = await asyncio.gather(*sent)
        after = await app.client.post("/v2/models/model/infer", json=rounds(1))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 5
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    assert refused.json() == {"error": "3 requests are in flight, the limit of this process: try again"}
    assert after.status_code == 200


async def test_a_place_is_taken_until_the_run_ends_not_until_the_caller_gave_up(
    tmp_path: Path, start_app: StartApp
) -> None:
    tiny_models.slow(tmp_path / "model.onnx")
    async with start_app(tmp_path, max_in_flight=1, threads=1, request_timeout_seconds=0.05) as app:
        assert (await app.client.post("/v2/models/model/infer", json=rounds(SLOW))).status_code == 504
        assert (await app.client.post("/v2/models/model/infer", json=rounds(1))).status_code == 429
        async with asyncio.timeout(60):
            status = 429
            while status != 200:
                await asyncio.sleep(0.02)
                status = (await app.client.post("/v2/models/model/infer", json=rounds(1))).status_code
        in_flight = app.registry.get_sample_value("penstock_predictor_requests_in_flight", await labels(app.client))
        assert in_flight == 0


async def labels(client: httpx.AsyncClient) -> dict[str, str]:
    health = (await client.get("/health")).json()
    return {"model_name": health["model_name"], "model_version": health["version"], "digest": health["digest"]}


# -- states


async def test_metrics_carry_what_was_loaded(scaled_folder: Path, start_app: StartApp) -> None:
    async with start_app(scaled_folder, **NAMED) as app:
        await app.client.post(INFER, json=ROW)
        await app.client.post(INFER, json={})
        await app.client.get("/made/up/path")
        model = await labels(app.client)
        value = app.registry.get_sample_value
        route = "/v2/models/{name}/versions/{version}/infer"
        requests = "penstock_predictor_requests_total"
        assert value(requests, model | {"route": route, "code": "200"}) == 1
        assert value(requests, model | {"route": route, "code": "400"}) == 1
        assert value(requests, model | {"route": "unmatched", "code": "404"}) == 1
        assert value("penstock_predictor_request_seconds_count", model | {"route": route}) == 2
        assert value("penstock_predictor_inference_seconds_count", model) == 1
        assert value("penstock_predictor_ready", model) == 1
        app.lifecycle.drain(60)
        assert value("penstock_predictor_ready", model) == 0
        scraped = await app.client.get("/metrics")
        assert scraped.headers["content-type"].startswith("text/plain; version=")
        assert f'digest="{model["digest"]}"' in scraped.text


async def test_while_draining_it_is_not_ready_and_answers(scaled_folder: Path, start_app: StartApp) -> None:
    async with start_app(scaled_folder, **NAMED) as app:
        app.lifecycle.drain(60)
        ready = await app.client.get("/v2/health/ready")
        answer = await app.client.post(INFER, json=ROW)
    assert ready.status_code == 503
    assert ready.json() == {"ready": False, "error": "the pod is being stopped: send requests elsewhere"}
    assert answer.status_code == 200


async def test_a_wrong_golden_answer_is_fatal_and_never_ready(
    tmp_path: Path, write_scaled: WriteScaled, start_app: StartApp
) -> None:
    write_scaled(tmp_path, factor=3, golden_factor=4)
    async with start_app(tmp_path, **NAMED) as app:
        (error,) = app.fatal
        ready = await app.client.get("/v2/health/ready")
        infer = await app.client.post(INFER, json=ROW)
        live = await app.client.get("/v2/health/live")
    assert str(error).startswith("golden request: output 'y' at [0, 0]: expected 4.0, got 3.0")
    assert ready.status_code == infer.status_code == 503
    assert ready.json()["error"] == str(error)
    assert infer.headers["connection"] == "close"
    assert live.status_code == 200


async def test_a_model_that_answers_no_guess_is_served_with_a_warning_that_says_what_is_needed(
    tmp_path: Path, start_app: StartApp, caplog: pytest.LogCaptureFixture
) -> None:
    tiny_models.picky(tmp_path / "model.onnx")
    async with start_app(tmp_path) as app:
        assert app.fatal == []
        assert (await app.client.get("/v2/health/ready")).status_code == 200
    (warning,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert warning.endswith(f"put a V2 request that is into {tmp_path / 'input_example.json'}")
