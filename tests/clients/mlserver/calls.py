"""MLServer's types, codecs and stubs: JSON sent by httpx, gRPC with typed and raw contents sent by grpcio."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import grpc
import httpx
import numpy as np
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.grpc import converters, dataplane_pb2
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from mlserver.types import (
    InferenceRequest,
    InferenceResponse,
    MetadataModelResponse,
    MetadataServerResponse,
    RequestOutput,
)

from penstock_testing.client_calls import (
    DOUBLED,
    SCALED,
    Array,
    ClientQuestion,
    Seen,
    Servers,
    Unable,
    Way,
    answered,
    tell,
)

TIMEOUT_SECONDS = 30


def _request(question: ClientQuestion, request_id: str, *, use_bytes: bool) -> InferenceRequest:
    """`use_bytes`: text as bytes, which protobuf takes and JSON does not."""
    outputs = [RequestOutput(name=name) for name in question.outputs]
    inputs = [_input(name, array, use_bytes=use_bytes) for name, array in question.feeds.items()]
    return InferenceRequest(id=request_id, inputs=inputs, outputs=outputs or None)


def _input(name: str, array: Array, *, use_bytes: bool) -> Any:
    if array.dtype == object:
        return StringCodec.encode_input(name, array.ravel().tolist(), use_bytes=use_bytes)
    return NumpyCodec.encode_input(name, array)


def _seen(response: InferenceResponse) -> Seen:
    return answered(response.id, {output.name: _array(output) for output in response.outputs})


def _array(output: Any) -> Array:
    if output.datatype == "BYTES":
        return np.array(StringCodec.decode_output(output), dtype=object).reshape(output.shape)
    array: Array = NumpyCodec.decode_output(output)
    return array


def _metadata(server: MetadataServerResponse, model: MetadataModelResponse) -> Seen:
    def tensors(listed: Any) -> list[Any]:
        return [[tensor.name, str(tensor.datatype), list(tensor.shape)] for tensor in listed]

    return {"server": server.name, "inputs": tensors(model.inputs), "outputs": tensors(model.outputs)}


@dataclass(frozen=True)
class Json:
    servers: Servers

    def health(self) -> Seen:
        with self._client(SCALED) as client:
            paths = {"live": "/v2/health/live", "ready": "/v2/health/ready", "model": f"/v2/models/{SCALED}/ready"}
            return {name: client.get(path).is_success for name, path in paths.items()}

    def metadata(self) -> Seen:
        with self._client(SCALED) as client:
            server = MetadataServerResponse.model_validate_json(client.get("/v2").content)
            model = MetadataModelResponse.model_validate_json(client.get(f"/v2/models/{SCALED}").content)
        return _metadata(server, model)

    def infer(self, question: ClientQuestion, request_id: str) -> Seen:
        body = _request(question, request_id, use_bytes=False).model_dump_json(exclude_none=True, by_alias=True)
        with self._client(question.model) as client:
            answer = client.post(f"/v2/models/{question.called}/infer", content=body)
        if not answer.is_success:
            raise ValueError(f"{answer.status_code}: {answer.text}")
        return _seen(InferenceResponse.model_validate_json(answer.content))

    def _client(self, model: str) -> httpx.Client:
        headers = {"content-type": "application/json"}
        return httpx.Client(base_url=f"http://{self.servers.http[model]}", timeout=TIMEOUT_SECONDS, headers=headers)


@dataclass(frozen=True)
class Grpc:
    servers: Servers
    raw: bool

    def health(self) -> Seen:
        with self._channel(SCALED) as channel:
            stub = GRPCInferenceServiceStub(channel)
            return {
                "live": stub.ServerLive(dataplane_pb2.ServerLiveRequest()).live,
                "ready": stub.ServerReady(dataplane_pb2.ServerReadyRequest()).ready,
                "model": stub.ModelReady(dataplane_pb2.ModelReadyRequest(name=SCALED)).ready,
            }

    def metadata(self) -> Seen:
        with self._channel(SCALED) as channel:
            stub = GRPCInferenceServiceStub(channel)
            server = stub.ServerMetadata(dataplane_pb2.ServerMetadataRequest())
            model = stub.ModelMetadata(dataplane_pb2.ModelMetadataRequest(name=SCALED))
        return _metadata(
            converters.ServerMetadataResponseConverter.to_types(server),
            converters.ModelMetadataResponseConverter.to_types(model),
        )

    def infer(self, question: ClientQuestion, request_id: str) -> Seen:
        if question.model == DOUBLED and not self.raw:
            raise Unable("it puts FP16 into bytes_contents, which the protocol has for BYTES")
        request = converters.ModelInferRequestConverter.from_types(
            _request(question, request_id, use_bytes=True), model_name=question.called, use_raw=self.raw
        )
        with self._channel(question.model) as channel:
            response = GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=TIMEOUT_SECONDS)
        return _seen(converters.ModelInferResponseConverter.to_types(response))

    def _channel(self, model: str) -> grpc.Channel:
        return grpc.insecure_channel(self.servers.grpc[model])


def ways(servers: Servers) -> dict[str, Way]:
    return {
        "REST, JSON": Json(servers),
        "gRPC, typed": Grpc(servers, raw=False),
        "gRPC, raw": Grpc(servers, raw=True),
    }


if __name__ == "__main__":
    tell(f"mlserver {version('mlserver')}", ways)
