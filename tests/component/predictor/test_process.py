"""A predictor process of its own: how it starts, refuses to start, drains and ends."""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock_predictor.settings import DEFAULT_MODEL_FILE
from penstock_testing import tiny_models

from .conftest import StartProcess, WriteScaled, tensor, write_huge

ROW = {"inputs": [tensor("x", "FP32", [1, 2], [1, 2])]}
INFER = "/v2/models/model/infer"
INFER_ROUTE = "/v2/models/{name}/infer"


def rounds(number: int) -> dict[str, Any]:
    return {"inputs": [tensor("rounds", "INT64", [1], [number])]}


def test_it_runs_alone_with_a_bare_model(tmp_path: Path, start_process: StartProcess) -> None:
    tiny_models.scaled(tmp_path / DEFAULT_MODEL_FILE, 3)
    predictor = start_process("serve", "--model-dir", str(tmp_path), "--name", "triple", "--version", "9")
    url = predictor.ready()
    answer = httpx.post(f"{url}/v2/models/triple/infer", json=ROW).json()
    assert (answer["model_version"], answer["outputs"][0]["data"]) == ("9", [3.0, 6.0])
    predictor.signal(signal.SIGINT)
    assert predictor.ended() == 0


def test_a_model_file_is_all_it_needs(tmp_path: Path, start_process: StartProcess) -> None:
    file = tiny_models.scaled(tmp_path / "triple.onnx", 3)
    url = start_process("--model", str(file)).ready()
    assert httpx.post(f"{url}/predict", content=b"[1, 2]").json()["prediction"] == [3.0, 6.0]
    assert httpx.get(f"{url}/v2/models/triple/ready").status_code == 200


def test_the_log_is_one_json_object_a_line_and_has_no_line_per_request(
    scaled_folder: Path, start_process: StartProcess
) -> None:
    predictor = start_process("serve", model_dir=scaled_folder)
    url = predictor.ready()
    for _ in range(3):
        httpx.post(url + INFER, json=ROW).raise_for_status()
    predictor.signal(signal.SIGINT)
    predictor.logged("Finished server process")
    words = [line["message"] for line in predictor.seen]
    assert any("model loaded" in line for line in words)
    assert not any("infer" in line for line in words)
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in predictor.seen)


# -- refusing to start


@pytest.mark.parametrize(
    ("damage", "last_words"),
    [
        ("truncated file", "FileInvalid: file 'model.onnx': expected {size} bytes, got {half}"),
        ("other digest", "card.json: expected {wanted}, got {digest}: fetch the model again"),
        ("wrong golden answer", "GoldenMismatch: golden request: output 'y' at [0, 0]: expected 4.0, got 3.0"),
    ],
    ids=lambda value: value if len(value) < 20 else "",
)
def test_a_model_that_cannot_be_served_ends_the_process_with_last_words(
    damage: str, last_words: str, tmp_path: Path, *, write_scaled: WriteScaled, start_process: StartProcess
) -> None:
    folder, log = tmp_path / "model", tmp_path / "termination-log"
    folder.mkdir()
    log.write_text("what an earlier start left here, longer than the message that follows" * 20)
    card = write_scaled(folder, factor=3, golden_factor=4 if damage == "wrong golden answer" else 3)
    model = folder / DEFAULT_MODEL_FILE
    content = model.read_bytes()
    if damage == "truncated file":
        model.write_bytes(content[: len(content) // 2])
    wanted = "sha256:" + "1" * 64 if damage == "other digest" else card.digest
    predictor = start_process("serve", model_dir=folder, model_digest=wanted, termination_log=log)
    assert predictor.ended() == 1
    said = log.read_text()
    facts = {"size": len(content), "half": len(content) // 2, "wanted": wanted, "digest": card.digest}
    assert last_words.format(**facts) in said
    assert len(said.splitlines()) == 1
    assert predictor.logged(said)["level"] == "ERROR"


def test_a_wrong_setting_is_named_and_is_wrong_usage(tmp_path: Path, start_process: StartProcess) -> None:
    predictor = start_process("serve", model_dir=tmp_path, model_digest="latest", threads="many")
    _, errors = predictor.process.communicate(timeout=60)
    assert predictor.process.returncode == 2
    assert "PENSTOCK_MODEL_DIGEST: String should match pattern" in errors
    assert "PENSTOCK_THREADS: Input should be a valid integer" in errors


@pytest.mark.parametrize(
    ("arguments", "word"), [([], "{serve,fetch}"), (["serve"], "--model-dir"), (["fetch"], "--digest")]
)
def test_help(arguments: list[str], word: str) -> None:
    command = [sys.executable, "-m", "penstock_predictor", *arguments, "--help"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert word in ended.stdout
    assert "PENSTOCK_" in ended.stdout


# -- draining


class Sender:
    """Sends on and on, and notices late that the pod is not ready, as Envoy and kube-proxy do."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.outcomes: Counter[str] = Counter()

    async def send(self, number: int) -> None:
        """Send that many requests, one each 5 ms, without waiting for answers in between."""
        async with httpx.AsyncClient(base_url=self._url, timeout=30) as client, asyncio.TaskGroup() as tasks:
            for _ in range(number):
                tasks.create_task(self._one(client))
                await asyncio.sleep(0.005)

    async def send_until_not_ready(self) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=30) as probe:
            while (await probe.get("/v2/health/ready")).status_code == 200:
                await self.send(20)

    async def _one(self, client: httpx.AsyncClient) -> None:
        try:
            answer = await client.post(INFER, json=ROW)
            right = answer.status_code == 200 and answer.json()["outputs"][0]["data"] == [3.0, 6.0]
            self.outcomes["answered" if right else f"{answer.status_code} {answer.text}"] += 1
        except httpx.HTTPError as error:
            self.outcomes[f"{type(error).__name__}: {error}"] += 1


async def test_sigterm_under_a_steady_stream_loses_no_request(scaled_folder: Path, start_process: StartProcess) -> None:
    predictor = start_process("serve", model_dir=scaled_folder, drain_seconds=5)
    sender = Sender(await asyncio.to_thread(predictor.ready))
    await sender.send(50)
    stream = asyncio.create_task(sender.send_until_not_ready())
    predictor.signal(signal.SIGTERM)
    await stream
    before = sender.outcomes.total()
    await sender.send(50)
    assert await asyncio.to_thread(predictor.ended) == 0
    assert sender.outcomes == {"answered": before + 50}


async def test_requests_in_flight_at_the_end_of_the_drain_are_answered(
    tmp_path: Path, start_process: StartProcess
) -> None:
    tiny_models.slow(tmp_path / DEFAULT_MODEL_FILE)
    predictor = start_process("serve", model_dir=tmp_path, drain_seconds=0, request_timeout_seconds=60)
    url = await asyncio.to_thread(predictor.ready)
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        slow = [asyncio.create_task(client.post(INFER, json=rounds(2000))) for _ in range(2)]
        await in_flight(client, 2)
        predictor.signal(signal.SIGTERM)
        answers = await asyncio.gather(*slow)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert await asyncio.to_thread(predictor.ended) == 0


async def in_flight(client: httpx.AsyncClient, number: int) -> None:
    """Wait until that many requests were accepted."""
    while _value((await client.get("/metrics")).text) < number:  # noqa: ASYNC110 - nothing to await
        await asyncio.sleep(0.02)


def _value(metrics: str) -> float:
    name = "penstock_predictor_requests_in_flight{"
    return next(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith(name))


async def test_a_second_interrupt_ends_at_once(tmp_path: Path, start_process: StartProcess) -> None:
    tiny_models.slow(tmp_path / DEFAULT_MODEL_FILE)
    predictor = start_process("serve", model_dir=tmp_path, request_timeout_seconds=600)
    url = await asyncio.to_thread(predictor.ready)
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        endless = asyncio.create_task(client.post(INFER, json=rounds(10**9)))
        await in_flight(client, 1)
        predictor.signal(signal.SIGINT)
        await asyncio.to_thread(predictor.logged, "Waiting for connections to close")
        predictor.signal(signal.SIGINT)
        assert await asyncio.to_thread(predictor.ended) == 130
        with contextlib.suppress(httpx.HTTPError):
            await endless


def test_sigterm_while_the_model_loads_ends_without_a_drain(tmp_path: Path, start_process: StartProcess) -> None:
    """Nobody was served yet, so nobody has to notice."""
    write_huge(tmp_path)
    predictor = start_process("serve", model_dir=tmp_path, drain_seconds=600)
    url = predictor.listening()
    ready = httpx.get(f"{url}/v2/health/ready")
    infer = httpx.post(url + INFER, json=ROW)
    predictor.signal(signal.SIGTERM)
    assert predictor.ended() == 0
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "error": "verifying the model's files"})
    assert (infer.status_code, infer.headers["connection"]) == (503, "close")


def test_killed_and_started_again_it_serves_the_same(scaled_folder: Path, start_process: StartProcess) -> None:
    digests = []
    for _ in range(2):
        predictor = start_process("serve", model_dir=scaled_folder)
        url = predictor.ready()
        digests.append(httpx.post(url + INFER, json=ROW).headers["x-penstock-digest"])
        predictor.signal(signal.SIGKILL)
        assert predictor.ended() == -signal.SIGKILL
    assert digests[0] == digests[1] == json.loads((scaled_folder / "card.json").read_text())["digest"]


# -- what only a real connection shows


def test_a_body_over_the_limit_is_refused_and_the_connection_lives_on(
    scaled_folder: Path, start_process: StartProcess
) -> None:
    predictor = start_process("serve", model_dir=scaled_folder, max_body_bytes=100_000)
    url = predictor.ready()
    with httpx.Client(base_url=url, timeout=30) as client:
        refused = client.post(INFER, content=b" " * 20_000_000)
        answered = client.post(INFER, json=ROW)
    assert refused.status_code == 413
    assert answered.status_code == 200


def test_what_few_ask_for_is_not_loaded_at_the_start() -> None:
    program = "import sys, penstock_predictor.server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "uvicorn" in loaded
    assert {"fastapi", "starlette", "grpc", "google.protobuf", "httpx"}.isdisjoint(loaded)


async def test_the_first_who_ask_for_more_than_inference_and_those_beside_them_are_answered(
    scaled_folder: Path, start_process: StartProcess
) -> None:
    url = await asyncio.to_thread(start_process("serve", model_dir=scaled_folder).ready)
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:

        async def chunks() -> AsyncIterator[bytes]:
            yield json.dumps(ROW).encode()

        answers = await asyncio.gather(
            *(client.get(path) for path in ("/v2/models/model", "/", "/openapi.json", "/absent", "/v2/health/ready")),
            *(client.post(INFER, content=chunks()) for _ in range(4)),
            *(client.post(INFER, json=ROW) for _ in range(20)),
        )
        series = (await client.get("/metrics")).text
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 200, *[200] * 24]
    assert len({answer.content for answer in answers[5:]}) == 1
    parts = ("requests_total", 'code="200"', f'route="{INFER_ROUTE}"')
    counted = [float(line.split()[-1]) for line in series.splitlines() if all(part in line for part in parts)]
    assert counted == [24]


def test_pipelined_requests_on_one_connection_are_answered_in_order(
    scaled_folder: Path, start_process: StartProcess
) -> None:
    predictor = start_process("serve", model_dir=scaled_folder)
    host, port = predictor.ready().removeprefix("http://").split(":")
    requests = b""
    for number in range(5):
        body = json.dumps(ROW | {"id": str(number)}).encode()
        requests += f"POST {INFER} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(requests)
        received, end = b"", time.monotonic() + 10
        while received.count(b'"outputs"') < 5 and time.monotonic() < end:
            received += connection.recv(65536)
    ids = [part.split(b'"')[0] for part in received.split(b'"id":"')[1:]]
    assert ids == [b"0", b"1", b"2", b"3", b"4"]


def test_a_caller_that_hangs_up_in_the_middle_gives_its_place_back(
    scaled_folder: Path, start_process: StartProcess
) -> None:
    predictor = start_process("serve", model_dir=scaled_folder, max_in_flight=1)
    url = predictor.ready()
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"POST {INFER} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{".encode())
    with httpx.Client(base_url=url, timeout=30) as client:
        while 'code="499"' not in client.get("/metrics").text:
            time.sleep(0.02)
        assert client.post(INFER, json=ROW).status_code == 200
