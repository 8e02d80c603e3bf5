"""The measurements port over HTTP, on a thread and an event loop of its own: a name server that hangs holds up only it.

Prometheus is asked by one instant query, a service that checks by one POST. Redirects are not followed, and nothing
that was answered is tried again: whoever asks decides when.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from datetime import datetime
from pathlib import Path

import httpx

from penstock_contracts.api.analysis import QueryGate, WebhookGate
from penstock_controller.adapters.certificates import certificates
from penstock_controller.adapters.check_answer import check_answer
from penstock_controller.adapters.header_files import headers_of
from penstock_controller.adapters.kept_connections import sent
from penstock_controller.adapters.own_loop import OwnLoop
from penstock_controller.adapters.prometheus_answer import prometheus_answer
from penstock_controller.adapters.whole_body import whole_body
from penstock_controller.gates.looks import LookAnswer, Unanswered
from penstock_controller.rollout.questions import OutsideGate, OutsideQuestion, QueryQuestion
from penstock_controller.rollout.timestamps import moment
from penstock_controller.settings import MeasurementSettings, OutsideServiceSettings

MOST_BYTES = 2**20
"""Of an answer, unpacked: one value needs some hundred."""
LOOKBACK_SECONDS = 300.0
"""How far Prometheus reaches back for a sample, unless it is told otherwise."""
LONGEST_SECONDS = 30.0
"""For a question; each has its own time, up to this."""
_CONNECTIONS = 64
_LOOK_UPS = 8
_URLS = "urls"
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "penstock-controller"}


class HttpMeasurements:
    """Asks what the administrator has defined, and users' own addresses where that is allowed."""

    def __init__(self, settings: MeasurementSettings, headers: Path) -> None:
        """`headers`: has a folder `prometheus/<name>` or `webhooks/<name>` for each service that is sent some."""
        self._settings = settings
        self._headers = headers
        limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
        self._client = httpx.AsyncClient(
            follow_redirects=False, limits=limits, verify=certificates(), headers=_HEADERS, timeout=LONGEST_SECONDS
        )
        self._loop = OwnLoop("measurements", look_ups=_LOOK_UPS)

    def services(self) -> frozenset[str]:
        """All that may be asked."""
        known = [f"prometheus/{name}" for name in self._settings.prometheus]
        known += [f"webhooks/{name}" for name in self._settings.webhooks]
        return frozenset((*known, *([_URLS] if self._settings.allow_urls else ())))

    def service(self, entry: OutsideGate) -> str:
        """Which of them a gate asks."""
        match entry:
            case QueryGate(source=source):
                return f"prometheus/{source}"
            case WebhookGate(service=None):
                return _URLS
            case WebhookGate(service=service):
                return f"webhooks/{service}"

    def refusal(self, entry: OutsideGate, namespace: str) -> str:
        """Why the settings do not let a gate ask."""
        match entry:
            case QueryGate(source=source):
                return _not_for(self._settings.prometheus, "source", source, namespace)
            case WebhookGate(service=None):
                return "" if self._settings.allow_urls else _NO_URLS
            case WebhookGate(service=service):
                return _not_for(self._settings.webhooks, "service", service or "", namespace)

    async def fetch(self, question: OutsideQuestion, headers: Mapping[str, str], now: datetime) -> LookAnswer:
        """Ask once."""
        return await self._loop.run(self._fetched(question, headers, now))

    async def _fetched(self, question: OutsideQuestion, headers: Mapping[str, str], now: datetime) -> LookAnswer:
        who, seconds = self._who(question)
        try:
            request = self._request(question, headers, now)
            async with asyncio.timeout(seconds), aclosing(await sent(self._client, request)) as answer:
                found = await _meaning(question, answer)
        except (TimeoutError, httpx.TimeoutException):
            found = Unanswered(why=f"it does not answer within {seconds:g} s")
        except httpx.ConnectError:
            why = "it cannot be reached: does its name resolve, does it listen, is its certificate known?"
            found = Unanswered(why=why)
        except (httpx.HTTPError, OSError):
            found = Unanswered(why="the connection broke before a whole answer, or it does not speak HTTP")
        except (ValueError, httpx.InvalidURL) as error:
            found = Unanswered(why=f"it is not asked: are its address and its headers well formed? {error}"[:300])
        return Unanswered(why=f"{who}: {found.why}") if isinstance(found, Unanswered) else found

    def _who(self, question: OutsideQuestion) -> tuple[str, float]:
        """Whom messages name, and the seconds within which it is to answer."""
        if isinstance(question, QueryQuestion):
            source = question.entry.source
            return f"source {source!r}", self._settings.prometheus[source].timeout
        named = f"service {question.entry.service!r}" if question.entry.service else "the service at gates[].url"
        return named, question.seconds

    def _request(self, question: OutsideQuestion, headers: Mapping[str, str], now: datetime) -> httpx.Request:
        if isinstance(question, QueryQuestion):
            source = question.entry.source
            service = self._settings.prometheus[source]
            own = headers_of(self._headers / "prometheus" / source)
            url = f"{service.uri.rstrip('/')}/api/v1/query"
            return self._client.build_request("GET", url, params=_asked(question, now, service), headers=own)
        named = question.entry.service
        if named is None:
            url, own = question.entry.url or "", dict(headers)
        else:
            url, own = self._settings.webhooks[named].uri, headers_of(self._headers / "webhooks" / named)
        return self._client.build_request("POST", url, json=question.document, headers=own)


_NO_URLS = (
    "spec.analysis.gates[].url: the administrator does not let resources name addresses of their own; name a service "
    "that is defined, or have measurements.allowUrls set in the chart"
)


def _not_for(known: Mapping[str, OutsideServiceSettings], field: str, name: str, namespace: str) -> str:
    """Why a namespace may not have a service asked; empty: it may."""
    usable = sorted(each for each, service in known.items() if service.serves(namespace))
    if name in usable:
        return ""
    names = ", ".join(usable) or "none"
    return f"spec.analysis.gates[].{field}: {name!r} is not among those defined for this namespace: {names}"


def _asked(question: QueryQuestion, now: datetime, service: OutsideServiceSettings) -> dict[str, str]:
    """The query's parameters. A series is looked for no further back than the attempt reaches."""
    params = {"query": question.promql(now), "timeout": f"{service.timeout:g}s"}
    age = question.age(now)
    return params | ({"lookback_delta": f"{max(age, 0.001):.3f}"} if age < LOOKBACK_SECONDS else {})


async def _meaning(question: OutsideQuestion, answer: httpx.Response) -> LookAnswer:
    if answer.is_redirect:
        why = "which is not followed: give its final address, or is there a login in front of it?"
        return Unanswered(why=f"it answers with a redirect ({answer.status_code}), {why}")
    # A packed one, which nobody asked for, is left as it is, and is no JSON.
    content = await whole_body(answer.aiter_raw(), MOST_BYTES)
    if content is None:
        return Unanswered(why=f"it sends an answer ({answer.status_code}) of more than {MOST_BYTES} bytes")
    if isinstance(question, QueryQuestion):
        return prometheus_answer(answer.status_code, content, began_at=moment(question.subject.began_at))
    return check_answer(answer.status_code, content)
