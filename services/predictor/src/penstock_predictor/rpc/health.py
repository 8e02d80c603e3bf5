"""The standard `grpc.health.v1.Health`, which Kubernetes' probes, Envoy and grpc clients ask."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from grpc import StatusCode
from grpc.aio import ServicerContext
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from penstock_predictor.lifecycle import Lifecycle

_Context = ServicerContext[Any, Any]
_NAMES = ("", "inference.GRPCInferenceService")
"""Services whose health is known: the server as a whole, and the one it has."""
_LOOK_SECONDS = 0.1
"""How soon a watcher hears of a change. A signal handler makes some, which cannot wake anyone."""


class Health(health_pb2_grpc.HealthServicer):
    """Serving exactly when the pod is ready."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End all watches: they would hold up the end of the server."""
        self._closing.set()

    async def Check(self, request: HealthCheckRequest, context: _Context) -> HealthCheckResponse:  # noqa: N802 - the protocol's name
        """Answer how it is now; NOT_FOUND for a service that is not here."""
        if request.service not in _NAMES:
            await context.abort(
                StatusCode.NOT_FOUND, f"unknown service {request.service!r}: ask for {_NAMES[1]!r} or ''"
            )
        return HealthCheckResponse(status=self._status())

    async def Watch(self, request: HealthCheckRequest, _: _Context) -> AsyncIterator[HealthCheckResponse]:  # noqa: N802 - as above
        """Tell how it is now and at each change, until the caller hangs up or the server ends."""
        last_status: int | None = None
        while not self._closing.is_set():
            status = self._status() if request.service in _NAMES else HealthCheckResponse.SERVICE_UNKNOWN
            if status != last_status:
                yield HealthCheckResponse(status=status)
                last_status = status
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _LOOK_SECONDS)

    def _status(self) -> int:
        return HealthCheckResponse.SERVING if self._lifecycle.ready else HealthCheckResponse.NOT_SERVING
