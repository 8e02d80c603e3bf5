import time
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from penstock_drift_monitor.pages.axes import DEFAULT_SPAN
from penstock_drift_monitor.pages.columns import page_of
from penstock_drift_monitor.pages.fleet import TITLE, fleet
from penstock_drift_monitor.pages.markup import element
from penstock_drift_monitor.pages.model import View, model_page
from penstock_drift_monitor.pages.shell import page
from penstock_drift_monitor.pages.source import CourseSource, FleetElsewhere, OtherReplicas, ReportSource


def page_routes(
    source: ReportSource,
    courses: CourseSource,
    others: OtherReplicas | None = None,
    clock: Callable[[], float] = time.time,
) -> APIRouter:
    """Pages for a person: all models, and each of them. Complete in themselves, without script.

    `others`: who watches more models; None: `source` knows them all. `clock` gives Unix seconds.
    """
    router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

    @router.get("/")
    async def all_models() -> HTMLResponse:
        """Show every watched model, those that need somebody first."""
        elsewhere = await others.watched() if others else FleetElsewhere()
        return page(TITLE, fleet([*await source.watched(), *elsewhere.models], elsewhere.silent))

    @router.get("/models/{namespace}/{name}")
    async def one_model(
        namespace: str, name: str, span: str = DEFAULT_SPAN, place: Annotated[int, Query(alias="page", ge=1)] = 1
    ) -> HTMLResponse:
        """Show one model: how it went, its columns, and how good its versions are.

        `span`: hour, day, week or all; `page`: of the columns.
        """
        model = await source.model(namespace, name)
        if model is None:
            return not_watched(namespace, name)
        shown = page_of(model.report.columns, place)
        course = await courses.course(namespace, name, [column.name for column in shown])
        quality = await source.quality(namespace, name)
        view = View(now=clock(), span=span, page=place)
        return page(f"Drift of {namespace}/{name}", model_page(model, quality, course, shown, view))

    return router


def not_watched(namespace: str, name: str) -> HTMLResponse:
    """Say that there is no such model."""
    return page("Not watched", element("h1", "Not watched"), element("p", unknown(namespace, name)), status=404)


def unknown(namespace: str, name: str) -> str:
    """Write that there is no such model, and what to do."""
    return (
        f"{namespace}/{name} is not watched: is the name right, and does its ModelDeployment have spec.drift? "
        "The controller tells the monitor of it within a minute."
    )
