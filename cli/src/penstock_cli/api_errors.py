"""The API server's error answers as errors of the plugin."""

import json

from penstock_cli.errors import AnnotationConflict, CliError, ObjectNotFound, WatchTooOld
from penstock_contracts.names import GROUP, PLURAL

_LONGEST = 1000
"""Characters of the API server's own sentence."""


_OF_CODE: dict[int, tuple[type[CliError], str]] = {
    403: (CliError, "you lack a right: "),
    404: (ObjectNotFound, ""),
    409: (AnnotationConflict, ""),
    410: (WatchTooOld, ""),
}


def error_of(what: str, code: int, body: bytes) -> CliError:
    """The error that an answer of 400 or more means. `what` names the call."""
    status = _status(body)
    if code == 401:  # noqa: PLR2004 - HTTP
        return CliError(f"{what}: the API server does not know you: renew the credentials of this context")
    if code == 404 and not status:  # noqa: PLR2004 - HTTP
        return CliError(f"{what}: this cluster has no {PLURAL}.{GROUP}: Penstock is not installed on it")
    message = str(status.get("message") or body.decode(errors="replace").strip())[:_LONGEST]
    kind, meaning = _OF_CODE.get(code, (CliError, f"HTTP {code}: "))
    return kind(f"{what}: {meaning}{message}")


def _status(body: bytes) -> dict[str, object]:
    """The answer as a Status of Kubernetes; empty: it is none."""
    try:
        status = json.loads(body)
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}
