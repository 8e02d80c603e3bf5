"""The API server's refusals, translated once."""

import json
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager

from aiohttp import ClientError
from kubernetes.aio.client import ApiException

from penstock_controller.errors import ClusterAway, Rejected, WriteConflict

TIMEOUT = 10.0
"""Seconds, for each call."""


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise our errors instead of the client's. `what` names the call for the message."""
    try:
        yield
    except ApiException as error:
        raise _meaning(what, error) from error
    except (ClientError, TimeoutError, OSError) as error:
        raise ClusterAway(f"{what}: {type(error).__name__} {error}") from error


def is_gone(error: ApiException) -> bool:
    """Whether the object does not exist."""
    return bool(error.status == 404)  # noqa: PLR2004 - HTTP


def exists(error: ApiException) -> bool:
    """Whether the object exists already."""
    return bool(error.status == 409) and _reason(error) == "AlreadyExists"  # noqa: PLR2004 - HTTP


def in_leaving_namespace(error: ApiException) -> bool:
    """Whether an object could not be made because its namespace is being deleted."""
    details = _body(error).get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes or [])


async def made(kind: str, call: Awaitable[object]) -> None:
    """Make an object; made before is made. Raises Rejected, ClusterAway."""
    with translated(f"create {kind}"):
        try:
            await call
        except ApiException as error:
            if not exists(error):
                raise


async def gone(kind: str, call: Awaitable[object]) -> None:
    """Delete an object; gone before is gone. Raises Rejected, ClusterAway."""
    with translated(f"delete {kind}"):
        try:
            await call
        except ApiException as error:
            if not is_gone(error):
                raise


def _meaning(what: str, error: ApiException) -> Exception:
    match error.status:
        case 409:
            return WriteConflict(f"{what}: {_message(error)}")
        case 400 | 403 | 404 | 422:
            return Rejected(f"{what}: {_message(error)}")
        case _:
            return ClusterAway(f"{what}: HTTP {error.status} {_message(error)}")


def _body(error: ApiException) -> dict[str, object]:
    try:
        body = json.loads(error.body or "{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _reason(error: ApiException) -> str:
    return str(_body(error).get("reason", ""))


def _message(error: ApiException) -> str:
    return str(_body(error).get("message") or error.reason)[:1000]
