"""The agent over HTTP: for the kubelet, the controller and Prometheus."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from penstock_contracts.evidence import GatewayEvidence
from penstock_contracts.inference import ErrorResponse
from penstock_contracts.traffic import GatewayStatus
from penstock_gateway.api_server.snapshot import ModelKey
from penstock_gateway.envoy.envoy_admin import TryCounts
from penstock_gateway.envoy.evidence import evidence_of_attempt
from penstock_gateway.envoy.requests import UserRequests
from penstock_gateway.errors import EnvoyAway
from penstock_gateway.loop.agent import AgentStatus
from penstock_gateway.loop.applied import as_contract

_LONGEST_REJECTION = 4096
LONGEST_SILENCE_SECONDS = 60.0
"""A pass waits for Envoy in bounded steps of a few seconds; the loop that shows nothing for so long hangs."""


@dataclass(frozen=True, kw_only=True)
class AppSources:
    """Where the answers come from."""

    pod: str
    agent_status: Callable[[], AgentStatus]
    silent_seconds: Callable[[], float]
    """Since the loop that configures Envoy last made progress."""
    draining: Callable[[], bool]
    registry: CollectorRegistry
    tries: Callable[[ModelKey], Awaitable[TryCounts]]
    user_requests: Callable[[], Awaitable[str]]


def create_app(sources: AppSources) -> FastAPI:
    """Return the app. Answers are from memory, but for the evidence, which Envoy is asked for with a time-out."""
    app = FastAPI(title="Penstock gateway agent", openapi_url=None)

    @app.get("/ready")
    def ready(response: Response) -> dict[str, str] | ErrorResponse:
        why_not = "draining" if sources.draining() else sources.agent_status().not_ready
        if why_not:
            response.status_code = 503
            return ErrorResponse(error=f"gateway pod {sources.pod} is not ready: {why_not}")
        return {"status": "ready"}

    @app.get("/live")
    async def live(response: Response) -> dict[str, str] | ErrorResponse:
        # On the event loop, where the passes run: a thread would answer while the loop stands still.
        silent = sources.silent_seconds()
        if silent > LONGEST_SILENCE_SECONDS:
            response.status_code = 503
            return ErrorResponse(
                error=f"gateway pod {sources.pod}: the agent has made no progress for {silent:.0f} s; start it again"
            )
        return {"status": "alive"}

    @app.get("/v1/applied/{namespace}/{name}")
    async def applied_to(namespace: str, name: str) -> GatewayStatus:
        key, status = ModelKey(namespace, name), sources.agent_status()
        return GatewayStatus(
            pod=sources.pod,
            namespace=namespace,
            name=name,
            applied=as_contract(status.applied.get(key)),
            rejected=_within_bounds(status.rejected.get(key, "")),
        )

    @app.get("/v1/evidence/{namespace}/{name}")
    async def evidence_of(
        namespace: str, name: str, attempt: int, response: Response
    ) -> GatewayEvidence | ErrorResponse:
        try:
            counted = await sources.tries(ModelKey(namespace, name))
        except EnvoyAway as error:
            response.status_code = 503
            return ErrorResponse(error=f"gateway pod {sources.pod} has no evidence now, ask again: {error}")
        tries = evidence_of_attempt(counted.counters, attempt)
        return GatewayEvidence(pod=sources.pod, epoch=counted.epoch, attempt=attempt, tries=tries)

    @app.get("/metrics")
    async def metrics() -> PlainTextResponse:
        text = generate_latest(sources.registry) + generate_latest(await _users(sources))
        return PlainTextResponse(text, media_type=CONTENT_TYPE_LATEST)

    return app


async def _users(sources: AppSources) -> CollectorRegistry:
    """What Envoy counted; nothing while it does not answer: a series that is not there is no 0."""
    registry = CollectorRegistry()
    try:
        counted = await sources.user_requests()
    except EnvoyAway:
        return registry
    registry.register(UserRequests(counted, sources.agent_status().applied))
    return registry


def _within_bounds(text: str) -> str:
    return text if len(text) <= _LONGEST_REJECTION else text[: _LONGEST_REJECTION - 3] + "..."
