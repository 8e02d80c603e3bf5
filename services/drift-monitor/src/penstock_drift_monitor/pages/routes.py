from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from penstock_drift_monitor.pages.fleet import TITLE, fleet
from penstock_drift_monitor.pages.markup import element
from penstock_drift_monitor.pages.model import model_page
from penstock_drift_monitor.pages.shell import page
from penstock_drift_monitor.pages.source import ReportSource


def page_routes(source: ReportSource) -> APIRouter:
    """Pages for a person: all models, and each of them. Complete in themselves, without script."""
    router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

    @router.get("/")
    async def all_models() -> HTMLResponse:
        """Show every watched model, those that need somebody first."""
        return page(TITLE, fleet(await source.watched()))

    @router.get("/models/{namespace}/{name}")
    async def one_model(namespace: str, name: str) -> HTMLResponse:
        """Show one model: its columns, and how good its versions are."""
        model = await source.model(namespace, name)
        if model is None:
            return not_watched(namespace, name)
        return page(f"Drift of {namespace}/{name}", model_page(model, await source.quality(namespace, name)))

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
