"""The gRPC server, in the event loop that HTTP runs in."""

import asyncio
import logging

import grpc.aio
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from penstock_predictor.errors import PortTaken
from penstock_predictor.lifecycle import Lifecycle
from penstock_predictor.rpc.health import Health
from penstock_predictor.rpc.open_inference_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from penstock_predictor.rpc.service import InferenceService
from penstock_predictor.serving.runtime import Runtime

_UNLIMITED = -1
_LOOK_SECONDS = 0.1

_log = logging.getLogger(__name__)


class GrpcServer:
    """A server that listens."""

    def __init__(self, server: grpc.aio.Server, health: Health, port: int) -> None:
        self.port = port
        self._server = server
        self._health = health
        self._stopping: asyncio.Future[None] | None = None

    async def stop(self, grace: float) -> None:
        """Accept nothing more, and return when what is in flight is answered, at most `grace` seconds later.

        May be called again: that waits for the end of the first.
        """
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._stop(grace))
        await asyncio.shield(self._stopping)

    async def stop_when_drained(self, lifecycle: Lifecycle, grace: float) -> None:
        """Stop as soon as every sender has had its time to notice, which is when HTTP does."""
        while not lifecycle.drained:  # noqa: ASYNC110 - a signal handler sets it, which cannot wake anyone
            await asyncio.sleep(_LOOK_SECONDS)
        await self.stop(grace)

    async def _stop(self, grace: float) -> None:
        self._health.close()
        await self._server.stop(grace)


async def start_grpc(runtime: Runtime, host: str, port: int, *, share_port: bool = False) -> GrpcServer:
    """Listen on a port; 0: a free one. With `share_port` other processes may do so too, each getting its share.

    Call it after a fork, never before: gRPC's threads do not survive one. Raises PortTaken.
    """
    server = grpc.aio.server(options=_options(runtime.settings.max_body_bytes, share_port=share_port))
    health = Health(runtime.lifecycle)
    add_GRPCInferenceServiceServicer_to_server(InferenceService(runtime), server)  # type: ignore[no-untyped-call]
    add_HealthServicer_to_server(health, server)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        bound = server.add_insecure_port(address)
    except RuntimeError as error:
        raise PortTaken(
            f"gRPC cannot listen on {address}: {error}: choose another --grpc-port, or 0 for none"
        ) from None
    await server.start()
    _log.info("gRPC listens", extra={"host": host, "port": bound})
    return GrpcServer(server, health, bound)


def _options(max_body_bytes: int, *, share_port: bool) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", max_body_bytes),
        ("grpc.max_send_message_length", _UNLIMITED),
        ("grpc.so_reuseport", int(share_port)),
    ]
