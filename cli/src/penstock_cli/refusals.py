"""The API server's refusals in a person's words."""

import json

from penstock_cli.errors import Conflict, Expired, Gone, Trouble
from penstock_contracts.names import GROUP, PLURAL

_LONGEST = 1000
"""Characters of the API server's own sentence."""


_OF_CODE: dict[int, tuple[type[Trouble], str]] = {
    403: (Trouble, "you lack a right: "),
    404: (Gone, ""),
    409: (Conflict, ""),
    410: (Expired, ""),
}


def refusal(what: str, status: int, body: bytes) -> Trouble:
    """The error that an answer of 400 or more means. `what` names the call."""
    told = _status(body)
    if status == 401:  # noqa: PLR2004 - HTTP
        return Trouble(f"{what}: the API server does not know you: renew the credentials of this context")
    if status == 404 and not told:  # noqa: PLR2004 - HTTP
        return Trouble(f"{what}: this cluster has no {PLURAL}.{GROUP}: Penstock is not installed on it")
    message = str(told.get("message") or body.decode(errors="replace").strip())[:_LONGEST]
    kind, meaning = _OF_CODE.get(status, (Trouble, f"HTTP {status}: "))
    return kind(f"{what}: {meaning}{message}")


def _status(body: bytes) -> dict[str, object]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
