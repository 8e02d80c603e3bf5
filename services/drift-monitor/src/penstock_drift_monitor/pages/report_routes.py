import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, JSONResponse

from penstock_contracts.base import evolve
from penstock_contracts.inference import ErrorResponse
from penstock_drift_monitor.pages.markup import element
from penstock_drift_monitor.pages.recent_reports import RecentReports
from penstock_drift_monitor.pages.routes import not_watched, unknown
from penstock_drift_monitor.pages.shell import page
from penstock_drift_monitor.pages.source import ReportSource, ReportWindow, WatchedModel
from penstock_drift_monitor.reports.failure import FailureReason, ReportFailed
from penstock_drift_monitor.reports.job import Report, ReportJob

_HEADERS: Final = {
    # Evidently's script runs with no origin of ours: it can read no cookie, no other page, and reach no host.
    "content-security-policy": "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:",
    "cache-control": "no-cache",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_STATUS: Final = {
    FailureReason.NO_DATA: 404,
    FailureReason.BUSY: 503,
    FailureReason.TIME_LIMIT_EXCEEDED: 504,
    FailureReason.MEMORY_LIMIT_EXCEEDED: 507,
    FailureReason.CRASHED: 500,
}
_RETRY: Final = {"retry-after": "30"}


class _NotWatched(Exception):
    """No such model."""


class _Reports:
    def __init__(
        self, source: ReportSource, make: Callable[[ReportJob], Awaitable[Report]], recent: RecentReports
    ) -> None:
        self._source = source
        self._make = make
        self._recent = recent

    async def of(self, namespace: str, name: str) -> Report:
        """Give a report; raises _NotWatched, and what making one raises."""
        model = await self._source.model(namespace, name)
        if model is None:
            raise _NotWatched
        if (kept := self._recent.get(model.report)) is not None:
            return kept
        window = await self._source.window(namespace, name)
        if window is None:
            raise _NotWatched
        report = await self._make(_job(model, window))
        self._recent.keep(model.report, report)
        return report


def report_routes(
    source: ReportSource,
    make: Callable[[ReportJob], Awaitable[Report]],
    clock: Callable[[], float] = time.monotonic,
) -> APIRouter:
    """Reports, as a page and as JSON. `make` is reports.job.make_report with its limits."""
    router = APIRouter(prefix="/v1/reports", tags=["reports"])
    reports = _Reports(source, make, RecentReports(clock))

    # Before the page's: a name that ends with .json is asked for as JSON.
    @router.get("/{namespace}/{name}.json", response_model=None)
    async def report_as_json(namespace: str, name: str) -> Response:
        """Make the report, or give one that is not a minute old, as JSON."""
        try:
            report = await reports.of(namespace, name)
        except _NotWatched:
            return _refusal(404, unknown(namespace, name))
        except ReportFailed as failed:
            return _refusal(_STATUS[failed.reason], failed.message, _retry(failed))
        return Response(_inert(report.summary), media_type="application/json", headers=_HEADERS)

    @router.get("/{namespace}/{name}", response_class=HTMLResponse)
    async def report_as_page(namespace: str, name: str) -> Response:
        """Make the report, or give one that is not a minute old, as a page."""
        try:
            report = await reports.of(namespace, name)
        except _NotWatched:
            return not_watched(namespace, name)
        except ReportFailed as failed:
            heading = element("h1", "No report yet" if failed.reason is FailureReason.NO_DATA else "No report")
            return page(
                f"No report of {namespace}/{name}",
                heading,
                element("p", element("b", failed.reason.value), ": ", failed.message),
                status=_STATUS[failed.reason],
                headers=_retry(failed),
            )
        return HTMLResponse(report.html, headers=_HEADERS)

    return router


def _job(model: WatchedModel, window: ReportWindow) -> ReportJob:
    verdict, own = model.report, f"prediction (version {model.wish.stable.version})"
    # Sample and window hold the predictions of the version that serves, without its number.
    columns = (evolve(each, name="prediction") if each.name == own else each for each in verdict.columns)
    return ReportJob(
        title=f"Drift of {verdict.namespace}/{verdict.name}",
        reference=window.reference,
        current=window.current,
        columns=tuple(columns),
        labels=window.labels,
        dataset_drift=verdict.dataset_drift,
        message=verdict.message,
    )


def _inert(summary: dict[str, Any]) -> str:
    """Write JSON in which no text is markup, whatever reads it."""
    return json.dumps(summary, allow_nan=False).replace("<", "\\u003c")


def _refusal(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(ErrorResponse(error=message).model_dump(), status_code=status, headers=headers)


def _retry(failed: ReportFailed) -> dict[str, str] | None:
    return _RETRY if failed.reason is FailureReason.BUSY else None
