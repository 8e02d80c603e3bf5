"""The KServe SDK's inference clients: REST with JSON and binary tensors, gRPC with typed and raw contents."""

import asyncio
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

from penstock_testing.client_calls import (
    DOUBLED,
    SCALED,
    V2_NAMES,
    ClientQuestion,
    Seen,
    Servers,
    Unable,
    Way,
    answered,
    tell,
)

TIMEOUT_SECONDS = 30


def _request(question: ClientQuestion, request_id: str, *, binary: bool) -> InferRequest:
    inputs = []
    for name, array in question.feeds.items():
        tensor = InferInput(name, list(array.shape), V2_NAMES[str(array.dtype)])
        tensor.set_data_from_numpy(array, binary_data=binary)
        inputs.append(tensor)
    return InferRequest(
        model_name=question.called,
        infer_inputs=inputs,
        request_id=request_id,
        parameters={"binary_data_output": True} if binary else None,
        request_outputs=[RequestedOutput(name) for name in question.outputs] or None,
    )


def _seen(response: Any) -> Seen:
    return answered(response.id, {output.name: output.as_numpy() for output in response.outputs})


@dataclass(frozen=True)
class Rest:
    servers: Servers
    binary: bool

    def health(self) -> Seen:
        return asyncio.run(self._health())

    async def _health(self) -> Seen:
        base = f"http://{self.servers.http[SCALED]}"
        async with self._client() as client:
            return {
                "live": await client.is_server_live(base),
                "ready": await client.is_server_ready(base),
                "model": await client.is_model_ready(base, SCALED),
            }

    def metadata(self) -> Seen:
        raise Unable("it has no call for metadata")

    def infer(self, question: ClientQuestion, request_id: str) -> Seen:
        if question.model == DOUBLED and not self.binary:
            raise Unable("it sends FP16 as binary data only")
        return asyncio.run(self._infer(question, _request(question, request_id, binary=self.binary)))

    async def _infer(self, question: ClientQuestion, request: InferRequest) -> Seen:
        base = f"http://{self.servers.http[question.model]}"
        async with self._client() as client:
            return _seen(await client.infer(base, request, model_name=question.called))

    def _client(self) -> InferenceRESTClient:
        return InferenceRESTClient(RESTConfig(protocol="v2", timeout=TIMEOUT_SECONDS))


@dataclass(frozen=True)
class Grpc:
    servers: Servers
    raw: bool

    def health(self) -> Seen:
        return asyncio.run(self._health())

    async def _health(self) -> Seen:
        async with self._client(SCALED) as client:
            return {
                "live": await client.is_server_live(),
                "ready": await client.is_server_ready(),
                "model": await client.is_model_ready(SCALED),
            }

    def metadata(self) -> Seen:
        raise Unable("it has no call for metadata")

    def infer(self, question: ClientQuestion, request_id: str) -> Seen:
        if question.model == DOUBLED and not self.raw:
            raise Unable("FP16 has no typed contents")
        return asyncio.run(self._infer(question, _request(question, request_id, binary=self.raw)))

    async def _infer(self, question: ClientQuestion, request: InferRequest) -> Seen:
        async with self._client(question.model) as client:
            return _seen(await client.infer(request))

    def _client(self, model: str) -> InferenceGRPCClient:
        return InferenceGRPCClient(self.servers.grpc[model], timeout=TIMEOUT_SECONDS)


def ways(servers: Servers) -> dict[str, Way]:
    return {
        "REST, JSON": Rest(servers, binary=False),
        "REST, binary": Rest(servers, binary=True),
        "gRPC, typed": Grpc(servers, raw=False),
        "gRPC, raw": Grpc(servers, raw=True),
    }


if __name__ == "__main__":
    tell(f"kserve {version('kserve')}", ways)
