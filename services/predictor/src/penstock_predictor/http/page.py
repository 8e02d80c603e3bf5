"""The page where a person tries a prediction, and what it is filled in with."""

import base64
import hashlib
import re
from importlib import resources

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from penstock_predictor.http.openapi import refusals
from penstock_predictor.model.example import Example
from penstock_predictor.serving.runtime import Runtime


def page_routes(runtime: Runtime) -> APIRouter:
    """One page, complete in itself: it works where no other host can be reached."""
    router = APIRouter(tags=["page"])
    page = resources.files("penstock_predictor.http").joinpath("page.html").read_text(encoding="utf-8")
    headers = {
        "content-security-policy": _content_security_policy(page),
        "cache-control": "no-cache",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }

    @router.get("/", response_class=HTMLResponse)
    async def index() -> HTMLResponse:
        """Try a prediction in a browser."""
        return HTMLResponse(page, headers=headers)

    @router.get("/example", responses={200: {"model": Example}, **refusals(503)}, response_class=Response)
    async def example() -> Response:
        """A request that this model answers, from its card's golden request or else generated."""
        return Response(runtime.serving().example, media_type="application/json")

    return router


def _content_security_policy(page: str) -> str:
    """Only the page's own script and style run, named by their hashes, and text never becomes markup or script."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash_of(page, 'script')}",
            f"style-src {_hash_of(page, 'style')}",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _hash_of(page: str, tag: str) -> str:
    (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
