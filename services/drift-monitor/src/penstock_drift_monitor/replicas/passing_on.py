"""A request for a resource that another replica holds goes there, and its answer comes back as it is."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx
from fastapi import Request, Response

from penstock_contracts.monitor_replicas import HEADER_PASSED_ON_BY, MonitorReplica
from penstock_drift_monitor.errors import ReplicaAway
from penstock_drift_monitor.replicas.share import ReplicaShare
from penstock_drift_monitor.telemetry import DriftMonitorTelemetry

_log = logging.getLogger(__name__)
_CONNECT_SECONDS: Final = 2.0
_AT_ONCE: Final = 64
"""Requests under way to one replica; one more is refused at once."""
_OF_CONNECTION: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Headers that speak of one connection only (RFC 9110, 7.6.1)."""
_NOT_ASKED: Final = _OF_CONNECTION | {b"host", b"content-length", b"expect", HEADER_PASSED_ON_BY.encode()}
_NOT_ANSWERED: Final = _OF_CONNECTION | {b"date", b"server"}
Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, kw_only=True)
class NamedResource:
    """By namespace and name, as the request has them."""

    namespace: str
    name: str


class PassingOn:
    """Bounded for each replica. No connection is kept: one that the other side closed would lose a request."""

    def __init__(self, share: ReplicaShare, telemetry: DriftMonitorTelemetry, *, silent_seconds: float) -> None:
        """`silent_seconds`: how long another replica may say nothing."""
        self._share = share
        self._telemetry = telemetry
        self._silent = silent_seconds
        # Replicas are inside the cluster: a proxy from the environment must not see these calls.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(trust_env=False, limits=limits)
        self._under_way: Counter[str] = Counter()
        telemetry.others_are(replica.name for replica in share.others())

    def to(self, resource: NamedResource, request: Request) -> MonitorReplica | None:
        """Give the replica that a request goes on to; None: it is answered here.

        Raises ReplicaAway for one that another replica passed on to here, although this one does not hold the resource.
        """
        holder = self._share.elsewhere(resource.namespace, resource.name)
        if holder is not None and (sender := request.headers.get(HEADER_PASSED_ON_BY)):
            raise ReplicaAway(
                f"replicas {sender[:100]} and {self._share.own} do not agree who holds "
                f"{resource.namespace}/{resource.name}: they were started with different driftMonitor.replicas; send "
                "it again when the StatefulSet's rollout has ended"
            )
        return holder

    async def answered(self, resource: NamedResource, request: Request, body: bytes) -> Response | None:
        """Pass on what was read already; None: it is to be answered here. For small answers. Raises ReplicaAway."""
        holder = self.to(resource, request)
        if holder is None:
            return None
        async with self.sent(holder, resource, request, body) as answer:
            try:
                content = b"".join([chunk async for chunk in answer.aiter_raw()])
            except httpx.HTTPError as error:
                raise self._away(holder, resource, error) from error
            response = Response(content, answer.status_code)
        response.raw_headers = answer_headers(answer.headers.raw)
        return response

    @asynccontextmanager
    async def sent(
        self, holder: MonitorReplica, resource: NamedResource, request: Request, body: bytes, *, more_seconds: float = 0
    ) -> AsyncIterator[httpx.Response]:
        """Send a request on; its answer's head is there, its body is not. Raises ReplicaAway.

        `more_seconds`: how much longer the replica may say nothing.
        """
        if self._under_way[holder.name] >= _AT_ONCE:
            self._telemetry.passed_on(holder.name, "busy")
            raise ReplicaAway(
                f"{_AT_ONCE} requests are under way to replica {holder.name}, which holds "
                f"{resource.namespace}/{resource.name}: send it again in some seconds"
            )
        self._under_way[holder.name] += 1
        try:
            answer = await self._head(holder, resource, self._request(holder, request, body, more_seconds))
            try:
                yield answer
            finally:
                await answer.aclose()
        finally:
            self._under_way[holder.name] -= 1

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()

    async def _head(self, holder: MonitorReplica, resource: NamedResource, request: httpx.Request) -> httpx.Response:
        try:
            answer = await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise self._away(holder, resource, error) from error
        self._telemetry.passed_on(holder.name, "answered")
        return answer

    def _request(self, holder: MonitorReplica, request: Request, body: bytes, more_seconds: float) -> httpx.Request:
        scope = request.scope
        raw: bytes = scope["raw_path"]
        target = raw + b"?" + scope["query_string"] if scope["query_string"] else raw
        headers = [*asked_headers(request.headers.raw), (HEADER_PASSED_ON_BY.encode(), self._share.own.encode())]
        silent = httpx.Timeout(self._silent + more_seconds, connect=_CONNECT_SECONDS)
        return httpx.Request(
            request.method,
            httpx.URL(holder.url).copy_with(raw_path=target),
            headers=headers,
            content=body or None,
            extensions={"timeout": silent.as_dict()},
        )

    def _away(self, holder: MonitorReplica, resource: NamedResource, error: httpx.HTTPError) -> ReplicaAway:
        self._telemetry.passed_on(holder.name, "away")
        _log.warning("replica away", extra={"replica": holder.name, "why": type(error).__name__})
        return ReplicaAway(
            f"replica {holder.name}, which holds {resource.namespace}/{resource.name}, does not answer "
            f"({type(error).__name__}): send it again in some seconds; what its pod of that name does says Kubernetes"
        )


def asked_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Choose those of a request that go on; the body is whole, so its length is known anew."""
    return _without(headers, _NOT_ASKED)


def answer_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Choose those of an answer that come back: its security headers among them."""
    return [(name.lower(), value) for name, value in _without(headers, _NOT_ANSWERED)]


def _without(headers: Headers, dropped: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    given = list(headers)
    named = {
        word.strip().lower() for name, value in given if name.lower() == b"connection" for word in value.split(b",")
    }
    return [(name, value) for name, value in given if name.lower() not in dropped | named]


def wants_page(path: str, headers: Mapping[str, str]) -> bool:
    """Whether a person's browser asks."""
    return path.startswith("/models/") or "text/html" in headers.get("accept", "")
