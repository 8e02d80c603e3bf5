"""Triton's client: HTTP with JSON, with binary tensors, with both, compressed; gRPC, plain and compressed."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import tritonclient.grpc
import tritonclient.http

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

OUTPUTS = {"scaled": ["y"], "typed": ["opposite", "next", "half", "same"], "doubled": ["y"]}
"""All of them: this client asks for JSON output by output."""


@dataclass(frozen=True)
class Http:
    servers: Servers
    binary_in: bool
    binary_out: bool
    compression: str | None = None

    def client(self, model: str) -> Any:
        return tritonclient.http.InferenceServerClient(self.servers.http[model], network_timeout=30)

    def health(self) -> Seen:
        with self.client(SCALED) as client:
            return _health(client)

    def metadata(self) -> Seen:
        with self.client(SCALED) as client:
            return _metadata(client.get_server_metadata(), client.get_model_metadata(SCALED))

    def infer(self, question: ClientQuestion, request_id: str) -> Seen:
        if question.model == DOUBLED and not (self.binary_in and self.binary_out):
            raise Unable("it takes FP16 as binary data only")
        outputs = [
            tritonclient.http.InferRequestedOutput(name, binary_data=self.binary_out)
            for name in question.outputs or OUTPUTS[question.model]
        ]
        with self.client(question.model) as client:
            result = client.infer(
                question.called,
                [self._input(name, array) for name, array in question.feeds.items()],
                outputs=outputs,
                request_id=request_id,
                request_compression_algorithm=self.compression,
                response_compression_algorithm=self.compression,
            )
        response = result.get_response()
        names = [output["name"] for output in response["outputs"]]
        return answered(response["id"], {name: result.as_numpy(name) for name in names})

    def _input(self, name: str, array: Any) -> Any:
        tensor = tritonclient.http.InferInput(name, list(array.shape), V2_NAMES[str(array.dtype)])
        return tensor.set_data_from_numpy(array, binary_data=self.binary_in)


@dataclass(frozen=True)
class Grpc:
    servers: Servers
    compression: str | None = None

    def client(self, model: str) -> Any:
        return tritonclient.grpc.InferenceServerClient(self.servers.grpc[model])

    def health(self) -> Seen:
        with self.client(SCALED) as client:
            return _health(client)

    def metadata(self) -> Seen:
        with self.client(SCALED) as client:
            return _metadata(client.get_server_metadata(as_json=True), client.get_model_metadata(SCALED, as_json=True))

    def infer(self, question: ClientQuestion, request_id: str) -> Seen:
        outputs = [tritonclient.grpc.InferRequestedOutput(name) for name in question.outputs]
        with self.client(question.model) as client:
            result = client.infer(
                question.called,
                [self._input(name, array) for name, array in question.feeds.items()],
                outputs=outputs or None,
                request_id=request_id,
                client_timeout=30,
                compression_algorithm=self.compression,
            )
        response = result.get_response()
        return answered(response.id, {output.name: result.as_numpy(output.name) for output in response.outputs})

    def _input(self, name: str, array: Any) -> Any:
        tensor = tritonclient.grpc.InferInput(name, list(array.shape), V2_NAMES[str(array.dtype)])
        return tensor.set_data_from_numpy(array)


def _health(client: Any) -> Seen:
    return {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model": client.is_model_ready(SCALED),
    }


def _metadata(server: Any, model: Any) -> Seen:
    def tensors(listed: Any) -> list[Any]:
        return [[tensor["name"], tensor["datatype"], [int(size) for size in tensor["shape"]]] for tensor in listed]

    return {"server": server["name"], "inputs": tensors(model["inputs"]), "outputs": tensors(model["outputs"])}


def ways(servers: Servers) -> dict[str, Way]:
    return {
        "HTTP, JSON": Http(servers, binary_in=False, binary_out=False),
        "HTTP, binary": Http(servers, binary_in=True, binary_out=True),
        "HTTP, binary in, JSON out": Http(servers, binary_in=True, binary_out=False),
        "HTTP, JSON in, binary out": Http(servers, binary_in=False, binary_out=True),
        "HTTP, JSON, gzip": Http(servers, binary_in=False, binary_out=False, compression="gzip"),
        "HTTP, binary, deflate": Http(servers, binary_in=True, binary_out=True, compression="deflate"),
        "gRPC": Grpc(servers),
        "gRPC, gzip": Grpc(servers, compression="gzip"),
    }


if __name__ == "__main__":
    tell(f"tritonclient {version('tritonclient')}", ways)
