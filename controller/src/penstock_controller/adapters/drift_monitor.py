"""The monitor port over HTTP."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from penstock_contracts.base import Contract
from penstock_contracts.divergence import DivergenceReport, DivergenceWish
from penstock_contracts.drift import DriftReport, DriftWish
from penstock_contracts.paired_quality import PairedQualityReport, PairedQualityWish
from penstock_contracts.quality import QualityReport
from penstock_controller.adapters.kept_connections import sent
from penstock_controller.adapters.whole_body import whole_body
from penstock_controller.errors import MonitorAway
from penstock_controller.ports import ResourceKey

SECONDS = 5.0
"""For a call, from the connection to the last byte."""
MOST_BYTES = 4 * 2**20
"""Of an answer: a report has a few hundred bytes for each column."""
_NOT_KNOWN = 404
Report = TypeVar("Report", DriftReport, QualityReport, DivergenceReport, PairedQualityReport)


def _the_clients(_: ResourceKey) -> str:
    return ""


class HttpDriftMonitor:
    """Follows no redirects and tries nothing again that was answered: whoever asks decides when."""

    def __init__(
        self, client: httpx.AsyncClient, *, seconds: float = SECONDS, base: Callable[[ResourceKey], str] = _the_clients
    ) -> None:
        """`client`: with the monitor's base URL. `seconds`: for a call. `base`: that of a resource's replica."""
        self._client = client
        self._base = base
        self._seconds = seconds

    async def ask(self, key: ResourceKey, wish: DriftWish) -> DriftReport:
        """What the monitor knows of a resource."""
        status, content = await self._called("PUT", key, wish.model_dump(mode="json"))
        if not httpx.codes.is_success(status):
            raise MonitorAway(f"the drift monitor answers {status}")
        report = _understood(DriftReport, content)
        if (report.namespace, report.name) != (key.namespace, key.name):
            raise MonitorAway("the drift monitor's answer is about another resource")
        return report

    async def labelled(self, key: ResourceKey) -> int:
        """Labelled rows of the version that has most of them."""
        status, content = await self._called("GET", key, None, of="quality")
        if not httpx.codes.is_success(status):
            raise MonitorAway(f"the drift monitor answers {status} to a question about labels")
        report = _understood(QualityReport, content)
        # Of copies both answers are labelled: versions are not added up.
        return max((version.labelled for version in report.versions), default=0)

    async def compare(self, key: ResourceKey, wish: DivergenceWish) -> DivergenceReport:
        """What it has counted of pairs of predictions."""
        report = await self._counted(DivergenceReport, key, wish, of="divergence", about="predictions")
        _check_asked(key, wish, report, "predictions")
        return report

    async def compare_quality(self, key: ResourceKey, wish: PairedQualityWish) -> PairedQualityReport:
        """What it has counted of labelled pairs."""
        report = await self._counted(PairedQualityReport, key, wish, of="paired-quality", about="quality")
        _check_asked(key, wish, report, "quality")
        if (report.stage, report.metric) != (wish.stage, wish.metric):
            raise MonitorAway("the drift monitor's answer about quality is about another stage or metric")
        return report

    async def _counted(self, form: type[Report], key: ResourceKey, wish: Contract, *, of: str, about: str) -> Report:
        status, content = await self._called("PUT", key, wish.model_dump(mode="json"), of=of)
        if status == _NOT_KNOWN:
            raise MonitorAway(f"the drift monitor cannot compare {about}: it is older than this controller")
        if not httpx.codes.is_success(status):
            raise MonitorAway(f"the drift monitor answers {status} to a question about {about}")
        return _understood(form, content)

    async def forget(self, key: ResourceKey) -> None:
        """Have it drop what it keeps of a resource."""
        status, _ = await self._called("DELETE", key, None)
        if not httpx.codes.is_success(status) and status != _NOT_KNOWN:
            raise MonitorAway(f"the drift monitor answers {status}")

    async def _called(
        self, method: str, key: ResourceKey, body: dict[str, object] | None, *, of: str = "resources"
    ) -> tuple[int, bytes]:
        namespace, name = (quote(part, safe="") for part in (key.namespace, key.name))
        try:
            request = self._client.build_request(method, f"{self._base(key)}/v1/{of}/{namespace}/{name}", json=body)
            async with asyncio.timeout(self._seconds), aclosing(await sent(self._client, request)) as answer:
                return answer.status_code, await _read(answer)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise MonitorAway(f"the drift monitor does not answer within {self._seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise MonitorAway(f"the drift monitor does not answer: {type(error).__name__}") from error


def _check_asked(
    key: ResourceKey, wish: DivergenceWish | PairedQualityWish, report: DivergenceReport | PairedQualityReport, of: str
) -> None:
    asked = (key.namespace, key.name, wish.attempt, wish.candidate.version, wish.stable.version)
    if (report.namespace, report.name, report.attempt, report.candidate, report.stable) != asked:
        raise MonitorAway(f"the drift monitor's answer about {of} is about others")


def _understood(form: type[Report], content: bytes) -> Report:
    try:
        return form.model_validate_json(content)
    except ValidationError as error:
        raise MonitorAway(f"the drift monitor's answer is not understood: {error.error_count()} errors") from error


async def _read(answer: httpx.Response) -> bytes:
    content = await whole_body(answer.aiter_bytes(), MOST_BYTES)
    if content is None:
        raise MonitorAway(f"the drift monitor sends an answer of more than {MOST_BYTES} bytes")
    return content
