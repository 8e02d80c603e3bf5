"""The gateway's way in for recorded requests: what becomes of one."""

import asyncio
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import httpx

from penstock_contracts.names import HEADER_REPLAY, HEADER_REQUEST_ID, HEADER_UNREACHED
from penstock_drift_monitor.replays.infer_request import InferRequestBody

NO_ANSWER: Final = "no answer"
_CONNECT_SECONDS: Final = 3.0
_SPARE_SECONDS: Final = 1.0
"""More than the pod's own limit: it says itself that its time is over."""
_NOT_NOW: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class ReplayFate(Enum):
    """What became of one try."""

    ANSWERED = "answered"
    FAILED = "failed"
    """Another try would fare the same."""
    NOT_NOW = "not now"
    """Busy, too slow, or broken off: another try may fare better."""
    UNREACHED = "unreached"
    """No pod got it."""


@dataclass(frozen=True)
class ReplayTry:
    """One try of one request."""

    fate: ReplayFate
    why: str
    """A status code, or in words."""


@dataclass(frozen=True, kw_only=True)
class ReplayedRevision:
    """Who is to answer."""

    namespace: str
    name: str
    """Of the ModelDeployment, and of the model in its pods."""
    revision: str
    seconds: float
    """That an answer may take."""


class ReplayGateway:
    """A client of the gateway's port for replays."""

    def __init__(self, url: str) -> None:
        """At `url`."""
        # It is inside the cluster: a proxy from the environment must not see these calls.
        self._client = httpx.AsyncClient(base_url=url, trust_env=False)

    async def ask(self, whom: ReplayedRevision, request_id: str, body: InferRequestBody) -> ReplayTry:
        """Send a recorded request once. Raises nothing of the network's."""
        timeout = httpx.Timeout(whom.seconds + _SPARE_SECONDS, connect=_CONNECT_SECONDS)
        headers = {
            HEADER_REPLAY: f"{whom.namespace}/{whom.name}/{whom.revision}",
            HEADER_REQUEST_ID: request_id,
            "content-type": "application/octet-stream",
            "inference-header-content-length": str(body.json_length),
        }
        path = f"/v2/models/{quote(whom.name)}/infer"
        try:
            async with (
                asyncio.timeout(whom.seconds + _SPARE_SECONDS + _CONNECT_SECONDS),
                self._client.stream("POST", path, content=body.content, headers=headers, timeout=timeout) as answer,
            ):
                async for _ in answer.aiter_raw():
                    pass  # its records tell what it predicts
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.InvalidURL) as error:
            return ReplayTry(ReplayFate.UNREACHED, f"the gateway does not answer: {type(error).__name__}")
        except (httpx.HTTPError, TimeoutError):
            return ReplayTry(ReplayFate.NOT_NOW, NO_ANSWER)
        return _try_of(answer)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


def _try_of(answer: httpx.Response) -> ReplayTry:
    status = answer.status_code
    if (flags := answer.headers.get(HEADER_UNREACHED)) is not None:
        return ReplayTry(ReplayFate.UNREACHED, f"the gateway reaches no pod of it ({status} {flags[:20]})")
    if answer.is_success:
        return ReplayTry(ReplayFate.ANSWERED, "")
    return ReplayTry(ReplayFate.NOT_NOW if status in _NOT_NOW else ReplayFate.FAILED, str(status))
