"""V2 over gRPC: a real server over a real model, asked through grpcio's own client."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import numpy as np
import pytest
from grpc import StatusCode
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from penstock_contracts.build import VERSION
from penstock_contracts.inference import InferRequest, InferResponse, RequestInput, ResponseOutput
from penstock_predictor.rpc import open_inference_pb2 as pb
from penstock_predictor.rpc.messages import FIELDS
from penstock_predictor.rpc.open_inference_pb2_grpc import GRPCInferenceServiceStub
from penstock_predictor.tensors.arrays import BY_V2, Array
from penstock_predictor.tensors.binary_tensors import decode_raw, encode_raw
from penstock_testing import tiny_models
from penstock_testing.model_folder import card_of

from .conftest import PredictorProcess, RunningApp, StartApp, StartProcess, WriteScaled

HOST = "127.0.0.1"
NAMED = {"model_name": "scaled", "model_version": "7"}
SLOW = 1500
"""Rounds of 33 million operations: several times 0.05 s, the server's time limit below, on any processor."""
VERY_SLOW = 6 * SLOW
"""Several times 0.5 s, which a caller gives below, on any processor: 1,500 rounds take 0.5 s on a fast one."""
VALUES: dict[str, list[Any]] = {
    "BOOL": [True, False],
    "UINT8": [0, 255],
    "UINT16": [0, 65535],
    "UINT32": [0, 2**32 - 1],
    "UINT64": [0, 2**64 - 1],
    "INT8": [-128, 127],
    "INT16": [-32768, 32767],
    "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**63 - 1],
    "FP16": [0.5, float("nan")],
    "FP32": [-2.5, float("inf")],
    "FP64": [1e308, float("nan")],
    "BYTES": ["", "née \U0001f600 \0 \n"],
}


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
        return port


class Client:
    """The protocol's stub, with what a test says in one line."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.health: Any = HealthStub(channel)  # its types are those of threads' channels
        self.stub: Any = GRPCInferenceServiceStub(channel)  # type: ignore[no-untyped-call]

    async def infer(self, *inputs: pb.ModelInferRequest.InferInputTensor, **fields: Any) -> pb.ModelInferResponse:
        answer: pb.ModelInferResponse = await self.stub.ModelInfer(request(*inputs, **fields), timeout=60)
        return answer

    async def refusal(self, asked: pb.ModelInferRequest, **options: Any) -> tuple[StatusCode, str]:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await self.stub.ModelInfer(asked, **({"timeout": 60} | options))
        return refused.value.code(), refused.value.details() or ""


@contextlib.asynccontextmanager
async def client_on(port: int, **options: Any) -> AsyncIterator[Client]:
    async with grpc.aio.insecure_channel(f"{HOST}:{port}", **options) as channel:
        yield Client(channel)


class Serving:
    """An application with a port for gRPC, and a client of that."""

    def __init__(self, app: RunningApp, client: Client, port: int) -> None:
        self.app = app
        self.client = client
        self.port = port

    async def counted(self, code: int, method: str = "ModelInfer") -> float | None:
        health = (await self.app.client.get("/health")).json()
        labels = {"model_name": health["model_name"], "model_version": health["version"], "digest": health["digest"]}
        labels |= {"route": f"grpc:{method}", "code": str(code)}
        return self.app.registry.get_sample_value("penstock_predictor_requests_total", labels)

    async def wait_counted(self, code: int) -> None:
        """Until one call was counted that way: its caller was gone before."""
        async with asyncio.timeout(60):
            while await self.counted(code) != 1:  # noqa: ASYNC110 - nothing to await
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def serving(start_app: StartApp, folder: Path, **settings: Any) -> AsyncIterator[Serving]:
    port = free_port()
    async with (
        start_app(folder, **NAMED, listen_host=HOST, grpc_port=port, **settings) as app,
        client_on(port) as client,
    ):
        yield Serving(app, client, port)


def typed(name: str, datatype: str, shape: Sequence[int], values: list[Any]) -> pb.ModelInferRequest.InferInputTensor:
    written = [value.encode() for value in values] if datatype == "BYTES" else values
    contents = pb.InferTensorContents(**{FIELDS[datatype]: written})
    return pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=shape, contents=contents)


def request(*inputs: pb.ModelInferRequest.InferInputTensor, **fields: Any) -> pb.ModelInferRequest:
    return pb.ModelInferRequest(**({"model_name": "scaled", "inputs": inputs} | fields))


ROW = typed("x", "FP32", [1, 2], [1, 2])


def rounds(number: int) -> pb.ModelInferRequest.InferInputTensor:
    return typed("rounds", "INT64", [1], [number])


# -- tensors


@pytest.mark.parametrize("datatype", FIELDS)
async def test_what_goes_in_typed_comes_out_typed(datatype: str, tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.echo(tmp_path / "model.onnx", datatype)
    sent = typed("x", datatype, [2], VALUES[datatype])
    async with serving(start_app, tmp_path) as server:
        answer = await server.client.infer(sent)
    (output,) = answer.outputs
    assert (output.name, output.datatype, list(output.shape)) == ("y", datatype, [2])
    assert output.contents.SerializeToString() == sent.contents.SerializeToString()
    assert not answer.raw_output_contents


@pytest.mark.parametrize("datatype", VALUES)
async def test_what_goes_in_raw_comes_out_raw(datatype: str, tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.echo(tmp_path / "model.onnx", datatype)
    data = encode_raw(np.array(VALUES[datatype], dtype=BY_V2[datatype].numpy))
    sent = pb.ModelInferRequest.InferInputTensor(name="x", datatype=datatype, shape=[2])
    async with serving(start_app, tmp_path) as server:
        answer = await server.client.infer(sent, raw_input_contents=[data])
    assert list(answer.raw_output_contents) == [data]
    assert [(output.name, output.datatype, output.HasField("contents")) for output in answer.outputs] == [
        ("y", datatype, False)
    ]


async def test_several_inputs_and_outputs_and_those_that_are_asked_for(tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.mixed_columns(tmp_path / "model.onnx")
    inputs = [typed("country", "BYTES", [2, 1], ["CH", "née"]), typed("amount", "FP32", [2, 1], [4, 5])]
    asked = [pb.ModelInferRequest.InferRequestedOutputTensor(name=name) for name in ("word", "twice")]
    async with serving(start_app, tmp_path) as server:
        everything = await server.client.infer(*inputs)
        ordered = await server.client.infer(*inputs, outputs=asked)
        one = await server.client.infer(*inputs, outputs=asked[:1])
    assert [output.name for output in everything.outputs] == ["twice", "word"]
    assert list(everything.outputs[0].contents.fp32_contents) == [8, 10]
    assert [output.name for output in ordered.outputs] == ["word", "twice"]
    assert [list(output.contents.bytes_contents) for output in one.outputs] == [[b"CH", "née".encode()]]


@pytest.mark.parametrize("form", ["typed", "raw"])
async def test_many_texts_come_back_as_they_went(form: str, tmp_path: Path, start_app: StartApp) -> None:
    """So many that they are read and written beside the event loop."""
    tiny_models.echo(tmp_path / "model.onnx", "BYTES")
    texts = [f"née {number}" for number in range(20_000)]
    async with serving(start_app, tmp_path) as server:
        if form == "typed":
            answer = await server.client.infer(typed("x", "BYTES", [20_000], texts))
            back = [text.decode() for text in answer.outputs[0].contents.bytes_contents]
        else:
            sent = pb.ModelInferRequest.InferInputTensor(name="x", datatype="BYTES", shape=[20_000])
            data = encode_raw(np.array(texts, np.object_))
            back = _raw(await server.client.infer(sent, raw_input_contents=[data]), 0).tolist()
            code, message = await server.client.refusal(request(sent, raw_input_contents=[data[:-1]]))
            assert (code, "element 19999" in message) == (StatusCode.INVALID_ARGUMENT, True)
    assert back == texts


async def test_several_raw_inputs_keep_their_order(tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.mixed_columns(tmp_path / "model.onnx")
    words, amounts = np.array([["CH"]], np.object_), np.array([[4]], np.float32)
    inputs = [
        pb.ModelInferRequest.InferInputTensor(name="country", datatype="BYTES", shape=[1, 1]),
        pb.ModelInferRequest.InferInputTensor(name="amount", datatype="FP32", shape=[1, 1]),
    ]
    async with serving(start_app, tmp_path) as server:
        answer = await server.client.infer(*inputs, raw_input_contents=[encode_raw(words), encode_raw(amounts)])
    twice, word = (_raw(answer, position) for position in range(2))
    assert (twice.tolist(), word.tolist()) == ([[8]], [["CH"]])


def _raw(answer: pb.ModelInferResponse, position: int) -> Array:
    output = answer.outputs[position]
    return decode_raw(output.name, output.datatype, output.shape, answer.raw_output_contents[position])


# -- what is said beside the tensors


async def test_an_answer_names_what_computed_it_and_whom_it_is_for(scaled_folder: Path, start_app: StartApp) -> None:
    async with serving(start_app, scaled_folder) as server:
        digest = (await server.app.client.get("/health")).json()["digest"]
        asked = request(ROW, id="r-1", model_version="7")
        call = server.client.stub.ModelInfer(asked, metadata=(("x-request-id", "q-1"),), timeout=60)
        answer, metadata = await call, dict(await call.trailing_metadata())
    assert (answer.model_name, answer.model_version, answer.id) == ("scaled", "7", "r-1")
    assert answer.parameters["digest"].string_param == digest
    assert list(answer.outputs[0].contents.fp32_contents) == [3, 6]
    assert (metadata["x-request-id"], metadata["x-penstock-digest"]) == ("q-1", digest)


async def test_metadata_and_health(scaled_folder: Path, start_app: StartApp) -> None:
    async with serving(start_app, scaled_folder) as server:
        stub = server.client.stub
        assert (await stub.ServerLive(pb.ServerLiveRequest())).live
        assert (await stub.ServerReady(pb.ServerReadyRequest())).ready
        assert (await stub.ModelReady(pb.ModelReadyRequest(name="scaled"))).ready
        server_said = await stub.ServerMetadata(pb.ServerMetadataRequest())
        model = await stub.ModelMetadata(pb.ModelMetadataRequest(name="scaled", version="7"))
        health = await server.client.health.Check(HealthCheckRequest())
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await server.client.health.Check(HealthCheckRequest(service="other"))
    assert (server_said.name, server_said.version) == ("penstock-predictor", VERSION)
    assert (model.name, list(model.versions), model.platform) == ("scaled", ["7"], "onnxruntime_onnx")
    assert [(tensor.name, tensor.datatype, list(tensor.shape)) for tensor in (*model.inputs, *model.outputs)] == [
        ("x", "FP32", [-1, 2]),
        ("y", "FP32", [-1, 2]),
    ]
    assert health.status == HealthCheckResponse.SERVING
    assert unknown.value.code() is StatusCode.NOT_FOUND


async def test_calls_are_counted_as_http_counts_them(scaled_folder: Path, start_app: StartApp) -> None:
    async with serving(start_app, scaled_folder) as server:
        await server.client.infer(ROW)
        await server.client.infer(ROW)
        await server.client.refusal(request(ROW, model_name="other"))
        await server.client.stub.ServerLive(pb.ServerLiveRequest())
        assert await server.counted(200) == 2
        assert await server.counted(404) == 1
        assert await server.counted(200, "ServerLive") == 1


# -- refusals


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        (request(), StatusCode.INVALID_ARGUMENT, "input 'x' is missing: this model takes ['x']"),
        (
            request(ROW, typed("z", "FP32", [1], [1])),
            StatusCode.INVALID_ARGUMENT,
            "unknown input 'z': this model takes ['x']",
        ),
        (
            request(typed("x", "FP64", [1, 2], [1, 2])),
            StatusCode.INVALID_ARGUMENT,
            "this model takes FP32, the request says FP64",
        ),
        (
            request(typed("x", "FP32", [1, 3], [1, 2, 3])),
            StatusCode.INVALID_ARGUMENT,
            "expected shape [-1, 2] (-1: any size), got [1, 3]",
        ),
        (
            request(typed("x", "FP32", [2, 2], [1, 2, 3])),
            StatusCode.INVALID_ARGUMENT,
            "expected 4 elements in fp32_contents (shape [2, 2]), got 3",
        ),
        (
            request(
                pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[1, 2]),
                raw_input_contents=[b"1234567"],
            ),
            StatusCode.INVALID_ARGUMENT,
            "input 'x': expected 8 bytes (shape [1, 2] of FP32), got 7",
        ),
        (
            request(ROW, outputs=[pb.ModelInferRequest.InferRequestedOutputTensor(name="z")]),
            StatusCode.INVALID_ARGUMENT,
            "unknown output 'z': this model has ['y']",
        ),
        (request(ROW, model_name="other"), StatusCode.NOT_FOUND, "unknown model 'other'"),
        (request(ROW, model_version="8"), StatusCode.NOT_FOUND, "unknown version '8' of model 'scaled'"),
        (request(ROW, model_name="é" * 20000), StatusCode.NOT_FOUND, "unknown model 'ééé"),
    ],
    ids=lambda _: "",
)
async def test_refusals_say_what_http_says(
    asked: pb.ModelInferRequest, code: StatusCode, message: str, *, scaled_folder: Path, start_app: StartApp
) -> None:
    async with serving(start_app, scaled_folder) as server:
        answered = await server.client.refusal(asked)
        after = await server.client.infer(ROW)
    assert answered[0] is code
    assert message in answered[1]
    assert list(after.outputs[0].contents.fp32_contents) == [3, 6]


async def test_a_model_that_fails_on_its_input_is_an_internal_error(tmp_path: Path, start_app: StartApp) -> None:
    """Fits its own signature, and needs its rows in threes."""
    tiny_models.picky(tmp_path / "model.onnx")
    golden = InferRequest(inputs=(RequestInput(name="x", shape=(3,), datatype="FP32", data=[1, 2, 3]),))
    output = ResponseOutput(name="y", shape=(1, 3), datatype="FP32", data=[1, 2, 3])
    card = card_of(tmp_path, request=golden, response=InferResponse(model_name="m", outputs=(output,)))
    (tmp_path / "card.json").write_text(card.model_dump_json())
    async with serving(start_app, tmp_path) as server:
        code, message = await server.client.refusal(request(typed("x", "FP32", [2], [1, 2])))
    assert code is StatusCode.INTERNAL
    assert "the model failed on these inputs" in message


async def test_a_call_that_is_not_offered_is_unimplemented(scaled_folder: Path, start_app: StartApp) -> None:
    async with serving(start_app, scaled_folder) as server:
        statistics: Any = server.client.channel.unary_unary("/inference.GRPCInferenceService/ModelStatistics")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await statistics(b"")
    assert refused.value.code() is StatusCode.UNIMPLEMENTED


async def test_a_model_that_cannot_be_served_is_live_and_unavailable(
    tmp_path: Path, write_scaled: WriteScaled, start_app: StartApp
) -> None:
    write_scaled(tmp_path, factor=3, golden_factor=4)
    async with serving(start_app, tmp_path) as server:
        code, message = await server.client.refusal(request(ROW))
        live = await server.client.stub.ServerLive(pb.ServerLiveRequest())
        ready = await server.client.stub.ServerReady(pb.ServerReadyRequest())
        health = await server.client.health.Check(HealthCheckRequest())
    assert code is StatusCode.UNAVAILABLE
    assert "golden request: output 'y' at [0, 0]: expected 4.0, got 3.0" in message
    assert (live.live, ready.ready, health.status) == (True, False, HealthCheckResponse.NOT_SERVING)


async def test_a_message_over_the_limit_is_refused(scaled_folder: Path, start_app: StartApp) -> None:
    large = typed("x", "FP32", [500, 2], [1.0] * 1000)
    async with serving(start_app, scaled_folder, max_body_bytes=1000) as server:
        code, _ = await server.client.refusal(request(large))
        after = await server.client.infer(ROW)
    assert code is StatusCode.RESOURCE_EXHAUSTED
    assert list(after.outputs[0].contents.fp32_contents) == [3, 6]


async def test_an_answer_over_grpcs_usual_limit_is_sent(tmp_path: Path, start_app: StartApp) -> None:
    """4 MiB is what a client receives at most unless it is told otherwise."""
    tiny_models.echo(tmp_path / "model.onnx", "FP32")
    data = np.arange(1_500_000, dtype=np.float32).tobytes()
    sent = pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[1_500_000])
    async with (
        serving(start_app, tmp_path) as server,
        client_on(server.port, options=[("grpc.max_receive_message_length", -1)]) as client,
    ):
        answer = await client.infer(sent, raw_input_contents=[data])
    assert answer.raw_output_contents[0] == data


# -- time and load


async def test_our_time_limit_holds_where_the_caller_has_none(tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.slow(tmp_path / "model.onnx")
    async with serving(start_app, tmp_path, request_timeout_seconds=0.05) as server:
        late = asyncio.create_task(server.client.refusal(request(rounds(SLOW))))
        assert (await server.client.stub.ServerLive(pb.ServerLiveRequest())).live
        code, message = await late
        await server.wait_counted(504)
    assert code is StatusCode.DEADLINE_EXCEEDED
    assert "no answer within 0.05 s" in message


async def test_the_callers_deadline_holds_where_it_is_earlier(tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.slow(tmp_path / "model.onnx")
    async with serving(start_app, tmp_path, request_timeout_seconds=60) as server:
        code, _ = await server.client.refusal(request(rounds(VERY_SLOW)), timeout=0.5)
        await server.wait_counted(504)
    assert code is StatusCode.DEADLINE_EXCEEDED


async def test_a_caller_that_hangs_up_is_counted(tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.slow(tmp_path / "model.onnx")
    async with serving(start_app, tmp_path, request_timeout_seconds=60) as server:
        call = server.client.stub.ModelInfer(request(rounds(SLOW)))
        await in_flight(server.app.client, 1)
        call.cancel()
        await server.wait_counted(499)


async def test_what_is_beyond_the_limit_in_flight_is_refused_and_the_rest_answered(
    tmp_path: Path, start_app: StartApp
) -> None:
    tiny_models.slow(tmp_path / "model.onnx")
    async with serving(start_app, tmp_path, max_in_flight=3, threads=1, request_timeout_seconds=60) as server:
        sent = [server.client.stub.ModelInfer(request(rounds(SLOW // 4)), timeout=60) for _ in range(8)]
        codes = [await call.code() for call in sent]
        after = await server.client.infer(rounds(1))
    assert sorted(codes, key=str) == [StatusCode.OK] * 3 + [StatusCode.RESOURCE_EXHAUSTED] * 5
    assert len(after.outputs) == 1


async def in_flight(client: httpx.AsyncClient, number: int) -> None:
    """Wait until that many requests were accepted."""
    name = "penstock_predictor_requests_in_flight{"
    async with asyncio.timeout(60):
        while True:
            lines = (await client.get("/metrics")).text.splitlines()
            if any(line.startswith(name) and float(line.split()[-1]) >= number for line in lines):
                return
            await asyncio.sleep(0.02)


# -- a process of its own


async def test_while_draining_it_answers_and_health_sends_callers_elsewhere(
    scaled_folder: Path, start_process: StartProcess
) -> None:
    port = free_port()
    predictor = start_process("serve", model_dir=scaled_folder, grpc_port=port, model_name="scaled", drain_seconds=3)
    await asyncio.to_thread(predictor.ready)
    async with client_on(port) as client:
        watch = client.health.Watch(HealthCheckRequest(service="inference.GRPCInferenceService"))
        assert (await watch.read()).status == HealthCheckResponse.SERVING
        predictor.signal(signal.SIGTERM)
        assert (await watch.read()).status == HealthCheckResponse.NOT_SERVING
        answer = await client.infer(ROW)
        assert await watch.read() is grpc.aio.EOF
    assert list(answer.outputs[0].contents.fp32_contents) == [3, 6]
    assert await asyncio.to_thread(predictor.ended) == 0


async def test_calls_in_flight_at_the_end_of_the_drain_are_answered(
    tmp_path: Path, start_process: StartProcess
) -> None:
    tiny_models.slow(tmp_path / "model.onnx")
    port = free_port()
    predictor = start_process(
        "serve", model_dir=tmp_path, grpc_port=port, model_name="scaled", drain_seconds=0, request_timeout_seconds=60
    )
    url = await asyncio.to_thread(predictor.ready)
    async with httpx.AsyncClient(base_url=url, timeout=60) as http, client_on(port) as client:
        calls = [asyncio.create_task(client.infer(rounds(2000))) for _ in range(2)]
        await in_flight(http, 2)
        predictor.signal(signal.SIGTERM)
        answers = await asyncio.gather(*calls)
    assert [len(answer.outputs) for answer in answers] == [1, 1]
    assert await asyncio.to_thread(predictor.ended) == 0


async def test_several_workers_share_the_port(scaled_folder: Path, start_process: StartProcess) -> None:
    port, http_port = free_port(), free_port()
    predictor = start_process(
        "serve", model_dir=scaled_folder, model_name="scaled", workers=2, grpc_port=port, listen_port=http_port
    )
    for _ in range(2):
        await asyncio.to_thread(predictor.logged, "gRPC listens")
    for number in range(12):  # a connection each: gRPC would go on with one that has the same options
        async with client_on(port, options=[("grpc.use_local_subchannel_pool", 1)]) as client:
            answer = await client.infer(ROW, id=str(number))
        assert (answer.id, list(answer.outputs[0].contents.fp32_contents)) == (str(number), [3, 6])
    async with httpx.AsyncClient() as client:
        lines = (await client.get(f"http://{HOST}:{http_port}/metrics")).text.splitlines()
    counted = [
        line for line in lines if all(part in line for part in ("requests_total", 'code="200"', "grpc:ModelInfer"))
    ]
    predictor.signal(signal.SIGTERM)
    assert await asyncio.to_thread(predictor.ended) == 0
    assert [float(line.split()[-1]) for line in counted] == [12]


# -- from the first moment to the last


def has_grpc(predictor: PredictorProcess) -> bool:
    """Whether its code is in the process."""
    return "cygrpc" in Path(f"/proc/{predictor.process.pid}/maps").read_text()


async def call_for(seconds: float, port: int, *, reconnect: bool) -> int:
    """Call all the time, on one connection or each time on a new one; count the answers. A failure raises."""
    answered, end = 0, asyncio.get_running_loop().time() + seconds
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    while asyncio.get_running_loop().time() < end:
        async with client_on(port, options=options) as client:
            while True:
                answer = await client.infer(ROW)
                assert list(answer.outputs[0].contents.fp32_contents) == [3, 6]
                answered += 1
                if reconnect or asyncio.get_running_loop().time() >= end:
                    break
    return answered


def test_who_turns_it_off_has_none_of_it_loaded(scaled_folder: Path, start_process: StartProcess) -> None:
    loaded = []
    for port in (0, free_port()):
        predictor = start_process("serve", model_dir=scaled_folder, grpc_port=port)
        predictor.ready()
        loaded.append(has_grpc(predictor))
    assert loaded == [False, True]


@pytest.mark.parametrize("workers", [1, 2])
async def test_no_call_is_lost(workers: int, scaled_folder: Path, start_process: StartProcess) -> None:
    """From the first moment on, of callers who never send a call again."""
    port, http_port = free_port(), free_port()
    predictor = start_process(
        "serve", model_dir=scaled_folder, model_name="scaled", grpc_port=port, workers=workers, listen_port=http_port
    )
    await asyncio.to_thread(predictor.ready)
    calls = [call_for(3, port, reconnect=number % 2 == 0) for number in range(8)]
    assert min(await asyncio.gather(*calls)) > 1
    async with httpx.AsyncClient(base_url=predictor.url) as http:
        assert (await http.get("/v2/health/ready")).status_code == 200
    predictor.signal(signal.SIGTERM)
    assert await asyncio.to_thread(predictor.ended) == 0


async def test_who_calls_first_while_draining_is_answered(scaled_folder: Path, start_process: StartProcess) -> None:
    port = free_port()
    predictor = start_process("serve", model_dir=scaled_folder, grpc_port=port, model_name="scaled", drain_seconds=3)
    await asyncio.to_thread(predictor.ready)
    predictor.signal(signal.SIGTERM)
    await asyncio.to_thread(predictor.logged, "draining")
    async with client_on(port) as client:
        answer = await client.infer(ROW)
        health = await client.health.Check(HealthCheckRequest())
    assert list(answer.outputs[0].contents.fp32_contents) == [3, 6]
    assert health.status == HealthCheckResponse.NOT_SERVING
    assert await asyncio.to_thread(predictor.ended) == 0


def test_a_port_that_is_taken_ends_the_process_with_what_to_do(
    scaled_folder: Path, start_process: StartProcess
) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        predictor = start_process("serve", model_dir=scaled_folder, grpc_port=port)
        assert predictor.ended() == 1
    assert predictor.logged("PortTaken")["message"].endswith("choose another --grpc-port, or 0 for none")
