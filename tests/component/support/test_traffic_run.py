"""A whole run: onnxruntime's predictions, a real uvicorn server, the driver in a process of its own."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from onnx import TensorProto, helper

from penstock_testing.expectation import AmbiguousVersionsError, Expectation, Question
from penstock_testing.plan import TrafficPlan
from penstock_testing.traffic import TrafficError, TrafficRun


def scaling_model(path: Path, factor: float) -> Path:
    """y = factor * x, and a label that tells the sign."""
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["x", "factor"], ["y"]),
            helper.make_node("Greater", ["y", "zero"], ["positive"]),
        ],
        "scaling",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2]),
            helper.make_tensor_value_info("positive", TensorProto.BOOL, [None, 2]),
        ],
        [
            helper.make_tensor("factor", TensorProto.FLOAT, [1], [factor]),
            helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Path]:
    return {"v1": scaling_model(tmp_path / "v1.onnx", 2.0), "v2": scaling_model(tmp_path / "v2.onnx", 3.0)}


QUESTIONS = [
    Question.infer("/v2/models/m/infer", {"x": np.array([[i + 1, -i - 1]], dtype=np.float32)}) for i in range(8)
]


class Predictor:
    """Answers the V2 protocol with a model that can be exchanged while it serves."""

    def __init__(self, model: Path) -> None:
        self.app = FastAPI()
        self.app.post("/v2/models/m/infer")(self.infer)
        self.use(model)

    def use(self, model: Path) -> None:
        self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    async def infer(self, request: Request) -> Response:
        tensor = json.loads(await request.body())["inputs"][0]
        x = np.array(tensor["data"], dtype=np.float32).reshape(tensor["shape"])
        outputs: list[dict[str, Any]] = [
            {"name": name, "shape": x.shape, "datatype": "FP32", "data": np.asarray(y).ravel().tolist()}
            for name, y in zip(["y", "positive"], self._session.run(None, {"x": x}), strict=True)
        ]
        body = json.dumps({"model_name": "m", "outputs": outputs})
        return Response(body, media_type="application/json", headers={"x-penstock-digest": "sha256:d"})


@contextmanager
def served(app: FastAPI) -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


def plan(port: int, folder: Path, *, seconds: float) -> TrafficPlan:
    return TrafficPlan(
        host="127.0.0.1",
        port=port,
        requests=tuple(question.request for question in QUESTIONS),
        rate=100,
        seconds=seconds,
        deadline_seconds=20.0,
        warm_connections=4,
        recording=folder / "recording.jsonl",
    )


def test_a_switch_under_load_is_attributed_by_prediction(models: dict[str, Path], tmp_path: Path) -> None:
    predictor = Predictor(models["v1"])
    expectation = Expectation.of_models(QUESTIONS, models)
    with served(predictor.app) as port, TrafficRun(plan(port, tmp_path, seconds=600), expectation) as run:
        while run.progress().sent < 50:
            time.sleep(0.05)
        predictor.use(models["v2"])
        switched = run.mark("switched")
        while run.progress().by_version.get("v2", 0) < 50:
            time.sleep(0.05)
        result = run.result()
    assert result.failed == 0, result.describe()
    assert result.by_version["v1"] + result.by_version["v2"] == result.sent
    assert result.sent_after(switched.at.unix, "v1") == 0
    assert result.sent_after(switched.at.unix, "v2") >= 50
    assert result.digests == {version: {"sha256:d": count} for version, count in result.by_version.items()}
    assert sum(second.sent for second in result.timeline) == result.sent
    assert [mark.label for mark in result.marks] == ["switched"]
    json.dumps(result.summary())


def test_an_answer_of_an_unknown_version_is_a_failure(models: dict[str, Path], tmp_path: Path) -> None:
    unknown = scaling_model(tmp_path / "v9.onnx", 9.0)
    with (
        served(Predictor(unknown).app) as port,
        TrafficRun(plan(port, tmp_path, seconds=0.5), Expectation.of_models(QUESTIONS, models)) as run,
    ):
        result = run.wait()
    assert result.failed_by_reason == {"wrong answer": 50}
    assert json.loads(result.failures[0].body)["outputs"][0]["data"] == [9.0, -9.0]


def test_versions_that_answer_alike_are_refused_before_any_request(models: dict[str, Path]) -> None:
    with pytest.raises(AmbiguousVersionsError, match=r"versions v1 and again answer request 0 alike"):
        Expectation.of_models(QUESTIONS, {"v1": models["v1"], "again": models["v1"]})


def test_a_driver_that_dies_makes_the_run_invalid(models: dict[str, Path], tmp_path: Path) -> None:
    with (
        served(Predictor(models["v1"]).app) as port,
        TrafficRun(plan(port, tmp_path, seconds=600), Expectation.of_models(QUESTIONS, models)) as run,
    ):
        while not run.progress().sent:
            time.sleep(0.05)
        assert run.process_id is not None
        os.kill(run.process_id, 9)
        result = run.result()
    assert any("did not end by itself" in reason for reason in result.invalid)


def test_a_driver_that_cannot_start_says_why(models: dict[str, Path], tmp_path: Path) -> None:
    expectation = Expectation.of_models(QUESTIONS, models)
    run = TrafficRun(plan(1, tmp_path, seconds=1), expectation, launcher=("/bin/sh", "-c", "echo no way >&2; exit 3"))
    with pytest.raises(TrafficError, match="no way"):
        run.start()
