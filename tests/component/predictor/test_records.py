"""Records of a predictor process, as the drift monitor receives them: over HTTP, from whichever way requests came."""

import contextlib
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from penstock_contracts.inference import InferRequest, InferResponse, RequestInput, ResponseOutput
from penstock_contracts.model_card import Column
from penstock_contracts.names import HEADER_SHADOW
from penstock_contracts.records import RECORDS_MEDIA_TYPE, RECORDS_PATH, RecordBatch, RecordBlock
from penstock_predictor.records.columns import pseudonym
from penstock_predictor.rpc import open_inference_pb2 as pb
from penstock_predictor.rpc.open_inference_pb2_grpc import GRPCInferenceServiceStub
from penstock_testing import tiny_models
from penstock_testing.model_folder import card_of

from .conftest import START_SECONDS, PredictorProcess, StartProcess, tensor
from .test_grpc import free_port

INFER = "/v2/models/model/infer"
SENT, DROPPED = "penstock_predictor_records_sent_total", "penstock_predictor_records_dropped_total"


class Receiver:
    """The monitor's side: answers what it is told to, and keeps what it acknowledged."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        """Status codes of the next answers; then 204."""
        self.gate = threading.Event()
        """No answer is given before it is set."""
        self.gate.set()
        self.received: list[bytes] = []
        """Every body, in order."""
        self.kept: list[RecordBatch] = []
        self._lock = threading.Lock()
        self.kinds: set[tuple[str, str | None]] = set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.kinds.add((self.path, self.headers["content-type"]))
                receiver.received.append(body)
                receiver.gate.wait(START_SECONDS)
                status = receiver.answers.pop(0) if receiver.answers else 204
                if status == 204:
                    receiver.keep(msgspec.msgpack.decode(body, type=RecordBatch))
                with contextlib.suppress(OSError):  # the sender ended
                    self.send_response(status)
                    if status != 204:
                        self.send_header("content-length", "0")
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def keep(self, batch: RecordBatch) -> None:
        """Once: its sender may not have heard the answer in time."""
        with self._lock:
            if not any((kept.sender, kept.number) == (batch.sender, batch.number) for kept in self.kept):
                self.kept.append(batch)

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def numbers(self) -> list[int]:
        return [msgspec.msgpack.decode(body, type=RecordBatch).number for body in self.received]

    @property
    def requests(self) -> list[tuple[str, int, bool]]:
        return [(one.id, one.rows, one.shadow) for batch in self.kept for run in batch.runs for one in run.requests]

    @property
    def rows(self) -> int:
        return sum(rows for _, rows, _ in self.requests)

    def until_rows(self, number: int) -> None:
        until(lambda: self.rows >= number)
        assert self.rows == number


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def start(receiver: Receiver, start_process: StartProcess) -> Callable[..., PredictorProcess]:
    def start(folder: Path, **settings: object) -> PredictorProcess:
        whose = {"records_namespace": "shop", "records_name": "fraud", "records_revision": "r1"}
        told: dict[str, object] = {"records_url": receiver.url, "drain_seconds": 0} | whose | settings
        return start_process("serve", model_dir=folder, **told)

    return start


StartRecorded = Callable[..., PredictorProcess]


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + START_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def row(*values: float) -> dict[str, Any]:
    return {"inputs": [tensor("x", "FP32", [1, len(values)], list(values))]}


def ask(
    url: str,
    request_id: str | None = None,
    body: dict[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    named = {"x-request-id": request_id} if request_id is not None else {}
    answer = httpx.post(url + INFER, json=body or row(1, 2), headers=named | dict(headers or {}), timeout=30)
    assert answer.status_code == 200, answer.text


def counted(url: str, name: str) -> float:
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics", timeout=30).text)
    (value,) = [sample.value for family in families for sample in family.samples if sample.name == name]
    return value


def floats(content: object) -> tuple[float, ...]:
    assert isinstance(content, bytes)
    return struct.unpack(f"<{len(content) // 4}f", content)


# -- what is recorded


def test_every_way_to_ask_is_recorded_with_its_id_and_its_tensors(
    scaled: Path, receiver: Receiver, start: StartRecorded
) -> None:
    port = free_port()
    url = start(scaled, grpc_port=port, model_version="7").ready()
    ask(url, "fast")
    ask(url, "fast-again", row(3, 4))
    httpx.post(url + "/predict", content=b"[5, 6]", headers={"x-request-id": "predict"}).raise_for_status()
    chunked = httpx.post(
        url + INFER, content=iter([msgspec.json.encode(row(7, 8))]), headers={"x-request-id": "past-uvicorn"}
    )
    assert chunked.status_code == 200, chunked.text
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
        contents = pb.InferTensorContents(fp32_contents=[9, 10])
        sent = pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[1, 2], contents=contents)
        request = pb.ModelInferRequest(model_name="model", inputs=[sent])
        stub.ModelInfer(request, timeout=60, metadata=[("x-request-id", "grpc")])
    ask(url, None, row(11, 12))
    receiver.until_rows(6)
    assert sorted(receiver.requests) == sorted(
        [(name, 1, False) for name in ("", "fast", "fast-again", "predict", "past-uvicorn", "grpc")]
    )
    seen = {
        run.requests[0].id: (floats(run.inputs[0]), floats(run.outputs[0]))
        for batch in receiver.kept
        for run in batch.runs
    }
    assert seen["fast"] == ((1, 2), (3, 6))
    assert seen["predict"] == ((5, 6), (15, 18))
    assert seen["past-uvicorn"] == ((7, 8), (21, 24))
    assert seen["grpc"] == ((9, 10), (27, 30))
    first = receiver.kept[0]
    assert (first.namespace, first.name, first.revision, first.version) == ("shop", "fraud", "r1", "7")
    assert first.digest == httpx.get(url + "/health").json()["digest"]
    assert (first.inputs, first.outputs) == (
        (RecordBlock(("x[0]", "x[1]"), "FP32"),),
        (RecordBlock(("y[0]", "y[1]"), "FP32"),),
    )
    assert receiver.kinds == {(RECORDS_PATH, RECORDS_MEDIA_TYPE)}
    until(lambda: counted(url, SENT) == 6)
    assert counted(url, DROPPED) == 0


def test_a_copy_is_flagged_by_the_gateways_header_and_by_no_name_of_a_host(
    scaled: Path, receiver: Receiver, start: StartRecorded
) -> None:
    url = start(scaled).ready()
    ask(url, "of-a-user")
    ask(url, "header", headers={HEADER_SHADOW: "copy"})
    ask(url, "host", headers={"host": "fraud.example-shadow"})
    receiver.until_rows(3)
    assert {name: shadow for name, _, shadow in receiver.requests} == {
        "of-a-user": False,
        "header": True,
        "host": False,
    }


def test_refused_requests_are_not_recorded(tmp_path: Path, receiver: Receiver, start: StartRecorded) -> None:
    tiny_models.lookup(tmp_path / "model.onnx")
    url = start(tmp_path).ready()
    bad = {"inputs": [tensor("x", "INT64", [1], [9])]}
    assert httpx.post(url + INFER, json=bad, headers={"x-request-id": "bad"}).status_code >= 400
    assert httpx.post(url + INFER, json=row(1), headers={"x-request-id": "worse"}).status_code == 422
    ask(url, "good", {"inputs": [tensor("x", "INT64", [2], [1, 2])]})
    receiver.until_rows(2)
    assert receiver.requests == [("good", 2, False)]


def test_two_versions_record_the_same_requests(scaled: Path, receiver: Receiver, start: StartRecorded) -> None:
    urls = [start(scaled, records_sample_rate=0.3, model_version=version).ready() for version in ("1", "2")]
    names = [f"request-{number}" for number in range(200)]
    for url in urls:
        with httpx.Client(base_url=url) as client:
            for name in names:
                client.post(INFER, json=row(1, 2), headers={"x-request-id": name}).raise_for_status()
    until(lambda: sum(counted(url, SENT) for url in urls) == receiver.rows > 0 and len(ids_of(receiver, "2")) > 30)
    until(lambda: len(ids_of(receiver, "1")) == len(ids_of(receiver, "2")))
    assert ids_of(receiver, "1") == ids_of(receiver, "2")
    assert 30 < len(set(ids_of(receiver, "1"))) < 90


def ids_of(receiver: Receiver, version: str) -> Sequence[str]:
    batches = [batch for batch in receiver.kept if batch.version == version]
    return sorted(one.id for batch in batches for run in batch.runs for one in run.requests)


def test_no_value_of_an_excluded_or_hashed_column_is_on_the_wire(
    tmp_path: Path, receiver: Receiver, start: StartRecorded
) -> None:
    url = start(write_mixed(tmp_path), records_exclude="Spent, twice,word", records_hash="Land").ready()
    rows = {"instances": [{"Spent": 1234.5, "Land": "Atlantis"}, {"Spent": 0.25, "Land": "Utopia"}]}
    httpx.post(f"{url}/predict", json=rows, headers={"x-request-id": "a"}).raise_for_status()
    receiver.until_rows(2)
    (batch,) = receiver.kept
    assert (batch.inputs, batch.outputs) == ((RecordBlock(("Land",), "BYTES"),), ())
    assert batch.runs[0].inputs == ([pseudonym("Atlantis"), pseudonym("Utopia")],)
    (body,) = receiver.received
    hidden = [b"Atlantis", b"Utopia", *(struct.pack("<f", value) for value in (1234.5, 2469.0))]
    assert not [word for word in hidden if word in body]


def write_mixed(folder: Path) -> Path:
    """Columns `Spent` and `Land` of a signature, in inputs of other names."""
    tiny_models.mixed_columns(folder / "model.onnx")
    inputs = (
        RequestInput(name="amount", shape=(1, 1), datatype="FP32", data=[1]),
        RequestInput(name="country", shape=(1, 1), datatype="BYTES", data=["a"]),
    )
    outputs = (
        ResponseOutput(name="twice", shape=(1, 1), datatype="FP32", data=[2]),
        ResponseOutput(name="word", shape=(1, 1), datatype="BYTES", data=["a"]),
    )
    columns = (
        Column(name="Spent", type="float", input="amount"),
        Column(name="Land", type="string", input="country"),
    )
    card = card_of(
        folder,
        request=InferRequest(inputs=inputs),
        response=InferResponse(model_name="m", outputs=outputs),
        columns=columns,
    )
    (folder / "card.json").write_text(card.model_dump_json())
    return folder


@pytest.mark.parametrize("workers", [1, 2], ids=["one process", "two workers"])
def test_an_unknown_column_ends_the_start_with_its_name_and_those_there_are(
    workers: int, tmp_path: Path, start: StartRecorded
) -> None:
    log = tmp_path / "log"
    log.touch()
    predictor = start(write_mixed(tmp_path), records_hash="Lamd", termination_log=log, workers=workers)
    assert predictor.ended() == 1
    said = log.read_text()
    assert said.startswith("UnknownColumn: ")
    assert "'Lamd'" in said
    assert "['Land', 'Spent', 'twice', 'word']" in said


def test_records_without_an_owner_are_wrong_usage(tmp_path: Path, start_process: StartProcess) -> None:
    predictor = start_process("serve", model_dir=tmp_path, records_url="http://127.0.0.1:1")
    _, errors = predictor.process.communicate(timeout=60)
    assert predictor.process.returncode == 2
    assert "PENSTOCK_RECORDS_URL" in errors
    assert "PENSTOCK_RECORDS_NAMESPACE" in errors


# -- a monitor that is away, slow, or unwell


def test_with_the_monitor_away_every_request_is_answered_and_what_is_lost_is_counted(
    scaled: Path, start: StartRecorded
) -> None:
    predictor = start(scaled, records_url=f"http://127.0.0.1:{free_port()}", records_queue_rows=10)
    url = predictor.ready()
    ask(url, "first")
    predictor.logged("does not take records")  # from here on one batch is tried, and the queue is not looked at
    for number in range(30):
        ask(url, f"request-{number}")
    assert counted(url, DROPPED) == 20
    assert counted(url, SENT) == 0
    predictor.signal(signal.SIGTERM)
    assert predictor.ended() == 0
    assert predictor.logged("before the drift monitor took all records")["rows"] in (10, 11)


def test_a_slow_monitor_gets_everything_and_nobody_waits_for_it(
    scaled: Path, receiver: Receiver, start: StartRecorded
) -> None:
    url = start(scaled).ready()
    receiver.gate.clear()
    ask(url, "first")
    until(lambda: len(receiver.received) == 1)
    for number in range(50):
        ask(url, f"request-{number}")
    assert receiver.kept == []
    receiver.gate.set()
    receiver.until_rows(51)
    assert len({name for name, *_ in receiver.requests}) == 51


def test_a_batch_that_is_not_acknowledged_is_sent_again_as_it_was(
    scaled: Path, receiver: Receiver, start: StartRecorded
) -> None:
    receiver.answers[:] = [503, 500, 429, 204]
    url = start(scaled).ready()
    ask(url, "first")
    receiver.until_rows(1)
    ask(url, "second")
    receiver.until_rows(2)
    assert receiver.numbers == [1, 1, 1, 1, 2]
    assert len(set(receiver.received)) == 2
    assert len({batch.sender for batch in receiver.kept}) == 1
    until(lambda: counted(url, SENT) == 2)
    assert counted(url, DROPPED) == 0


def test_what_the_monitor_refuses_is_given_up_and_counted(
    scaled: Path, receiver: Receiver, start: StartRecorded
) -> None:
    receiver.answers[:] = [400]
    url = start(scaled).ready()
    ask(url, "refused")
    until(lambda: counted(url, DROPPED) == 1)
    ask(url, "taken")
    receiver.until_rows(1)
    (batch,) = receiver.kept
    assert (receiver.requests, batch.number, batch.dropped) == ([("taken", 1, False)], 2, 1)


# -- processes


def test_what_waits_at_the_end_is_sent(scaled: Path, receiver: Receiver, start: StartRecorded) -> None:
    predictor = start(scaled)
    url = predictor.ready()
    for number in range(20):
        ask(url, f"request-{number}")
    predictor.signal(signal.SIGTERM)
    assert predictor.ended() == 0
    assert receiver.rows == 20


def test_each_worker_sends_under_its_own_name(scaled: Path, receiver: Receiver, start: StartRecorded) -> None:
    url = start(scaled, workers=2).ready()

    def both_recorded() -> bool:
        ask(url, "again")
        return len({batch.sender for batch in receiver.kept}) == 2

    until(both_recorded)
    for sender in {batch.sender for batch in receiver.kept}:
        numbers = [batch.number for batch in receiver.kept if batch.sender == sender]
        assert numbers == list(range(1, len(numbers) + 1))
    until(lambda: counted(url, SENT) == receiver.rows)


SERVE_AND_TELL = """
import asyncio, sys, threading
from pathlib import Path
from prometheus_client import CollectorRegistry
from penstock_predictor.lazy_app import LazyApp
from penstock_predictor.lifecycle import Lifecycle
from penstock_predictor.metrics import PredictorMetrics
from penstock_predictor.settings import PredictorSettings

async def main():
    lifecycle = Lifecycle()
    settings = PredictorSettings(model_dir=Path(sys.argv[1]), grpc_port=0)
    app = LazyApp(settings, metrics=PredictorMetrics(CollectorRegistry()), lifecycle=lifecycle, on_fatal=print)
    async with app.lifespan():
        while not lifecycle.ready:
            await asyncio.sleep(0.01)
        unwanted = ("httpx", "penstock_predictor.records", "penstock_predictor.features", "opentelemetry", "requests")
        print(sorted(name for name in sys.modules if name.startswith(unwanted)))
        print([thread.name for thread in threading.enumerate() if thread.name in ("records", "traces")])

asyncio.run(main())
"""


def test_where_nothing_is_recorded_or_traced_nothing_is_loaded_for_it_and_no_thread_runs(
    scaled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")  # it alone asks for no traces
    command = [sys.executable, "-c", SERVE_AND_TELL, str(scaled)]
    told = subprocess.run(command, check=True, timeout=START_SECONDS, capture_output=True, text=True)
    assert told.stdout.splitlines() == ["[]", "[]"]


def test_series_of_records_are_there_from_the_start(scaled: Path, start_process: StartProcess) -> None:
    url = start_process("serve", model_dir=scaled).ready()
    assert (counted(url, SENT), counted(url, DROPPED)) == (0, 0)
