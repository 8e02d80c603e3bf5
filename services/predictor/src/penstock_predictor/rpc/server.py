"""The gRPC server, in the event loop that HTTP runs in."""

import asyncio

import grpc.aio
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from penstock_predictor.errors import PortTaken
from penstock_predictor.rpc.health import Health
from penstock_predictor.rpc.open_inference_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from penstock_predictor.rpc.service import InferenceService
from penstock_predictor.serving.runtime import Runtime

_UNLIMITED = -1
_STAY_MILLISECONDS = 1000
"""How long whoever is carried here stays: a call costs more on that way."""


class GrpcServer:
    """A server that listens on its port, and in a room where callers are carried to who came before it did."""

    def __init__(self, runtime: Runtime) -> None:
        self._health = Health(runtime.lifecycle)
        limit = runtime.settings.max_body_bytes
        self._servers = [grpc.aio.server(options=[*_options(limit), *more]) for more in (_SHARED, _CARRIED)]
        for server in self._servers:
            add_GRPCInferenceServiceServicer_to_server(InferenceService(runtime), server)  # type: ignore[no-untyped-call]
            add_HealthServicer_to_server(self._health, server)

    async def listen(self, address: str, room: str) -> None:
        """Accept callers. Raises PortTaken."""
        for server, each in zip(self._servers, (address, f"unix-abstract:{room}"), strict=True):
            try:
                server.add_insecure_port(each)
            except RuntimeError as error:
                raise PortTaken(f"gRPC cannot listen on {each}: {error}") from None
            await server.start()

    async def stop(self, grace: float) -> None:
        """Accept nothing more, and return when what is in flight is answered, at most `grace` seconds later."""
        self._health.close()
        await asyncio.gather(*(server.stop(grace) for server in self._servers))


async def start_grpc(runtime: Runtime, *, room: str) -> GrpcServer:
    """Listen on the port that the settings name, together with who listens there, and on an abstract Unix socket.

    Call it after a fork, never before: gRPC's threads do not survive one. Raises PortTaken.
    """
    host, port = runtime.settings.listen_host, runtime.settings.grpc_port
    server = GrpcServer(runtime)
    await server.listen(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", room)
    return server


def _options(max_body_bytes: int) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", max_body_bytes),
        ("grpc.max_send_message_length", _UNLIMITED),
    ]


_SHARED = [("grpc.so_reuseport", 1)]
_CARRIED = [("grpc.max_connection_age_ms", _STAY_MILLISECONDS)]
