"""Traces of a predictor process, as a collector receives them over OTLP."""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import httpx
import msgspec
import pytest

from penstock_contracts.names import HEADER_SHADOW
from penstock_predictor.rpc import open_inference_pb2 as pb
from penstock_predictor.rpc.open_inference_pb2_grpc import GRPCInferenceServiceStub
from penstock_testing.trace_collector import SERVER, Span, TraceCollector

from .conftest import PredictorProcess, StartProcess, tensor
from .test_grpc import free_port
from .test_records import counted, until

INFER = "/v2/models/model/infer"
SENT, DROPPED = "penstock_predictor_spans_sent_total", "penstock_predictor_spans_dropped_total"
BODY = {"inputs": [tensor("x", "FP32", [2, 2], [1, 2, 3, 4])]}
StartTraced = Callable[..., PredictorProcess]


@pytest.fixture
def collector() -> Iterator[TraceCollector]:
    collector = TraceCollector().start()
    yield collector
    collector.close()


@pytest.fixture
def start(collector: TraceCollector, start_process: StartProcess, monkeypatch: pytest.MonkeyPatch) -> StartTraced:
    """Traced, as the controller tells a pod to be."""

    def start(folder: Path, *, endpoint: str = collector.url, **settings: object) -> PredictorProcess:
        monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "penstock.namespace=shop,penstock.name=fraud")
        return start_process("serve", model_dir=folder, drain_seconds=0, **settings)

    return start


def parent(number: int, flags: str = "01") -> str:
    return f"00-{number:032x}-{number:016x}-{flags}"


def ask(client: httpx.Client, headers: Mapping[str, str], path: str = INFER, body: Any = BODY) -> int:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return client.post(path, content=content, headers=dict(headers), timeout=30).status_code


def of_trace(spans: Sequence[Span], number: int) -> dict[str, Span]:
    return {span.name: span for span in spans if span.trace == f"{number:032x}"}


def test_a_sampled_request_is_a_span_with_its_wait_and_its_run_in_it(
    scaled: Path, collector: TraceCollector, start: StartTraced
) -> None:
    with httpx.Client(base_url=start(scaled, model_version="7").ready()) as client:
        for number in (1, 2):  # the head of the second is known but for its trace context
            told = {"traceparent": parent(number), "x-request-id": f"r{number}", HEADER_SHADOW: "copy"}
            assert ask(client, told) == 200
        spans = collector.until(lambda spans: len(spans) == 6)
    for number in (1, 2):
        found = of_trace(spans, number)
        request, queue, run = (found[name] for name in ("/v2/models/{name}/infer", "queue", "run"))
        assert (request.parent, request.kind, request.failed) == (f"{number:016x}", SERVER, False)
        assert (queue.parent, run.parent) == (request.id, request.id)
        assert request.start <= queue.start <= queue.end == run.start <= run.end <= request.end
        assert request.tags == {
            "http.response.status_code": "200",
            "penstock.shadow": "True",
            "penstock.request_id": f"r{number}",
            "penstock.rows": "2",
        }
        assert run.tags == {"penstock.batch.rows": "2", "penstock.batch.requests": "1"}
    made_up = ("telemetry.", "service.instance.id")
    assert {name: value for name, value in spans[0].resource.items() if not name.startswith(made_up)} == {
        "service.name": "penstock-predictor",
        "penstock.namespace": "shop",
        "penstock.name": "fraud",
        "penstock.model": "model",
        "penstock.version": "7",
    }


def test_every_way_to_ask_goes_on_with_the_trace_and_what_waits_at_the_end_is_sent(
    scaled: Path, collector: TraceCollector, start: StartTraced
) -> None:
    port = free_port()
    predictor = start(scaled, grpc_port=port)
    with httpx.Client(base_url=predictor.ready()) as client:
        assert ask(client, {"traceparent": parent(1)}, "/predict", [5, 6]) == 200
        chunked = client.post(INFER, content=iter([msgspec.json.encode(BODY)]), headers={"traceparent": parent(2)})
        assert chunked.status_code == 200
        assert client.get("/v2/models/model", headers={"traceparent": parent(3)}).status_code == 200
        assert ask(client, {"traceparent": parent(4)}, body=b"{") == 400
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub: Any = GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]
            contents = pb.InferTensorContents(fp32_contents=[9, 10])
            sent = pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[1, 2], contents=contents)
            request = pb.ModelInferRequest(model_name="model", inputs=[sent])
            stub.ModelInfer(request, timeout=60, metadata=[("traceparent", parent(5))])
    predictor.signal(signal.SIGTERM)
    assert predictor.ended() == 0
    spans = collector.spans
    assert len(spans) == 11
    assert [of_trace(spans, number).keys() for number in range(1, 6)] == [
        {"/predict", "queue", "run"},
        {"/v2/models/{name}/infer", "queue", "run"},
        {"/v2/models/{name}"},
        {"/v2/models/{name}/infer"},
        {"grpc:ModelInfer", "queue", "run"},
    ]


def test_what_is_not_sampled_or_no_trace_context_makes_no_span(
    scaled: Path, collector: TraceCollector, start: StartTraced
) -> None:
    url = start(scaled).ready()
    with httpx.Client(base_url=url) as client:
        for told in (parent(1, "00"), "", "00-01", "ff" + parent(2)[2:], parent(0), parent(3).replace("0", "g", 1)):
            assert ask(client, {"traceparent": told}) == 200
        assert ask(client, {}) == 200
        assert ask(client, {"traceparent": parent(9)}) == 200
        spans = collector.until(lambda spans: len(spans) >= 3)
    assert {span.trace for span in spans} == {f"{9:032x}"}
    assert len(spans) == 3
    until(lambda: (counted(url, SENT), counted(url, DROPPED)) == (3, 0))


def test_a_collector_that_hangs_is_waited_for_by_nobody_and_what_is_lost_is_counted(
    scaled: Path, collector: TraceCollector, start: StartTraced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    collector.gate.clear()
    predictor = start(scaled)
    url = predictor.ready()
    with httpx.Client(base_url=url) as client:
        for number in range(1, 21):
            assert ask(client, {"traceparent": parent(number)}) == 200
        until(lambda: collector.asked > 0)
        assert ask(client, {"traceparent": parent(21)}) == 200
        until(lambda: counted(url, DROPPED) == 63)
    assert (counted(url, SENT), collector.spans) == (0, ())
    predictor.signal(signal.SIGTERM)
    assert predictor.ended() == 0
