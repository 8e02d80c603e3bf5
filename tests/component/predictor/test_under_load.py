"""A predictor process under load: drained, overloaded, and asked by callers that differ."""

import asyncio
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import onnxruntime

from penstock_predictor.settings import DEFAULT_MODEL_FILE
from penstock_testing import tiny_models
from penstock_testing.expectation import Expectation, Question
from penstock_testing.plan import TrafficPlan
from penstock_testing.traffic import TrafficRun

from .conftest import StartProcess, tensor

INFER = "/v2/models/model/infer"
QUESTIONS = [Question.infer(INFER, {"x": np.array([[number, -number]], dtype=np.float32)}) for number in range(1, 9)]
RATE = 500
DRAIN_SECONDS = 4.0
MIB = 2**20


def plan(url: str, folder: Path) -> TrafficPlan:
    where = urlsplit(url)
    return TrafficPlan(
        host=str(where.hostname),
        port=where.port or 0,
        requests=tuple(question.request for question in QUESTIONS),
        rate=RATE,
        seconds=60,
        deadline_seconds=10.0,
        warm_connections=8,
        recording=folder / "recording.jsonl",
    )


def test_sigterm_under_500_requests_a_second_loses_none(
    scaled_folder: Path, tmp_path_factory: Any, start_process: StartProcess
) -> None:
    """The sender notices late that the pod is not ready, as Envoy and kube-proxy do."""
    predictor = start_process("serve", model_dir=scaled_folder, drain_seconds=DRAIN_SECONDS)
    url = predictor.ready()
    expectation = Expectation.of_models(QUESTIONS, {"1": scaled_folder / DEFAULT_MODEL_FILE})
    with TrafficRun(plan(url, tmp_path_factory.mktemp("recording")), expectation) as run:
        time.sleep(2)
        predictor.signal(signal.SIGTERM)
        while httpx.get(f"{url}/v2/health/ready").status_code == 200:
            time.sleep(0.01)
        time.sleep(DRAIN_SECONDS / 3)
        result = run.result()
    assert predictor.ended() == 0
    assert result.failed == 0, result.describe()
    assert result.by_version["1"] > RATE


async def test_twice_the_load_that_it_can_bear_is_answered_in_time_or_refused_at_once(
    tmp_path: Path, start_process: StartProcess
) -> None:
    """A request that is accepted and not answered in time would be a 504."""
    tiny_models.slow(tmp_path / DEFAULT_MODEL_FILE)
    predictor = start_process("serve", model_dir=tmp_path, threads=1, request_timeout_seconds=2)
    url = await asyncio.to_thread(predictor.ready)
    body = {"inputs": [tensor("rounds", "INT64", [1], [100])]}
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=httpx.Limits(max_connections=None)) as client:
        for _ in range(10):
            assert (await client.post(INFER, json=body)).status_code == 200
        interval = seconds_a_run((await client.get("/metrics")).text) / 2
        before = resident(predictor.process.pid)
        answers = []
        for _ in range(int(6 / interval)):
            answers.append(asyncio.create_task(client.post(INFER, json=body)))
            await asyncio.sleep(interval)
        replies = await asyncio.gather(*answers)
    counts = Counter(reply.status_code for reply in replies)
    assert counts.keys() == {200, 429}, counts
    assert all(reply.headers["retry-after"] == "1" for reply in replies if reply.status_code == 429)
    assert counts[200] > len(replies) / 4
    assert resident(predictor.process.pid) - before < 64 * MIB


def seconds_a_run(metrics: str) -> float:
    """Of onnxruntime alone: what it can bear does not depend on the caller's own speed."""
    values = {line.split("{")[0]: float(line.split()[-1]) for line in metrics.splitlines() if line[0] != "#"}
    return values["penstock_predictor_inference_seconds_sum"] / values["penstock_predictor_inference_seconds_count"]


def resident(pid: int) -> int:
    """Bytes of memory that a process has now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


async def test_while_a_slow_model_computes_health_and_metrics_are_answered(
    tmp_path: Path, start_process: StartProcess
) -> None:
    tiny_models.slow(tmp_path / DEFAULT_MODEL_FILE)
    predictor = start_process("serve", model_dir=tmp_path, threads=1, request_timeout_seconds=60)
    url = await asyncio.to_thread(predictor.ready)
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        slow = asyncio.create_task(client.post(INFER, json={"inputs": [tensor("rounds", "INT64", [1], [3000])]}))
        answered = 0
        while not slow.done():
            assert (await client.get("/v2/health/ready")).status_code == 200
            assert "penstock_predictor_requests_total" in (await client.get("/metrics")).text
            answered += 1
        assert (await slow).status_code == 200
    assert answered > 10


async def test_eight_callers_with_other_sizes_types_and_mistakes_get_each_its_own_answer(
    tmp_path: Path, start_process: StartProcess
) -> None:
    """Good and bad requests are mixed on each connection, so that runs are made of callers' rows in all proportions."""
    session = onnxruntime.InferenceSession(tiny_models.two_inputs(tmp_path / DEFAULT_MODEL_FILE))
    predictor = start_process("serve", model_dir=tmp_path)
    url = await asyncio.to_thread(predictor.ready)
    async with asyncio.TaskGroup() as callers:
        heard = [callers.create_task(_converse(url, caller, session)) for caller in range(8)]
    counts = sum((task.result() for task in heard), Counter[str]())
    assert counts == {"right": 8 * 150, "refused by name": 8 * 50}


async def _converse(url: str, caller: int, session: onnxruntime.InferenceSession) -> Counter[str]:
    counts: Counter[str] = Counter()
    rng = np.random.default_rng(caller)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=httpx.Limits(max_connections=1)) as client:
        for number in range(200):
            rows = int(rng.integers(1, 40))
            a = rng.normal(size=(rows, 2)).astype(np.float32)
            b = rng.integers(-1000, 1000, size=(rows, 1))
            if number % 4:
                (expected,) = session.run(None, {"a": a, "b": b})
                counts[_judged(await client.post(INFER, json=_body(a, b)), expected)] += 1
            else:
                wrong = _body(a, b)
                wrong["inputs"][number % 8 // 4] |= {"shape": [rows, 7]} if caller % 2 else {"datatype": "FP64"}
                reply = await client.post(INFER, json=wrong)
                named = reply.status_code == 422 and f"input '{'ab'[number % 8 // 4]}'" in reply.json()["error"]
                counts["refused by name" if named else reply.text] += 1
    return counts


def _body(a: Any, b: Any) -> dict[str, Any]:
    return {
        "inputs": [
            tensor("a", "FP32", list(a.shape), [float(str(value)) for value in a.ravel()]),
            tensor("b", "INT64", list(b.shape), b.ravel().tolist()),
        ]
    }


def _judged(reply: httpx.Response, expected: Any) -> str:
    if reply.status_code != 200:
        return reply.text
    (output,) = reply.json()["outputs"]
    right = output["shape"] == list(expected.shape) and np.allclose(output["data"], expected.ravel(), rtol=1e-6)
    return "right" if right else reply.text
