"""The gRPC server, in the event loop that HTTP runs in."""

import asyncio
import logging

import grpc.aio
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from penstock_predictor.errors import PortTaken
from penstock_predictor.rpc.health import Health
from penstock_predictor.rpc.open_inference_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from penstock_predictor.rpc.service import InferenceService
from penstock_predictor.serving.runtime import Runtime
from penstock_predictor.settings import PredictorSettings

_UNLIMITED = -1
_LOOK_SECONDS = 0.1

_log = logging.getLogger(__name__)


class GrpcServer:
    """Serves the protocol and its health on the port that the settings name.

    Make it after a fork, never before: gRPC's threads do not survive one.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._health = Health(runtime.lifecycle)
        self._server = grpc.aio.server(options=_options(runtime.settings))
        add_GRPCInferenceServiceServicer_to_server(InferenceService(runtime), self._server)  # type: ignore[no-untyped-call]
        add_HealthServicer_to_server(self._health, self._server)

    async def start(self) -> None:
        """Accept callers. Raises PortTaken."""
        host, port = self._runtime.settings.listen_host, self._runtime.settings.grpc_port
        try:
            self._server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except RuntimeError:  # it says neither the reason nor what to do
            raise PortTaken(
                f"gRPC cannot listen on {host}:{port}: another process listens there, or this one may not: "
                "choose another --grpc-port, or 0 for none"
            ) from None
        await self._server.start()
        _log.info("gRPC listens", extra={"host": host, "port": port})

    async def stop(self) -> None:
        """Accept nothing more, and return when what is in flight is answered, or its time is over.

        May be called again: that waits for the end of the first.
        """
        self._health.close()
        await self._server.stop(self._runtime.settings.request_timeout_seconds)

    async def stop_when_drained(self) -> None:
        """Stop as soon as every sender has had its time to notice, which is when HTTP does."""
        while not self._runtime.lifecycle.drained:  # noqa: ASYNC110 - a signal handler sets it, which cannot wake anyone
            await asyncio.sleep(_LOOK_SECONDS)
        await self.stop()


def _options(settings: PredictorSettings) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", settings.max_body_bytes),
        ("grpc.max_send_message_length", _UNLIMITED),
        # Alone, a worker shall find out that another process has the port.
        ("grpc.so_reuseport", int(settings.workers > 1)),
    ]
