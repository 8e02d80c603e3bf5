"""The headers port: Secrets in users' namespaces, each of which the controller may get only where it is let."""

import base64
import binascii
import re

from kubernetes.aio.client import ApiClient

from penstock_controller.adapters.kubernetes.child_objects import ApiKind, ChildObjects
from penstock_controller.errors import Rejected
from penstock_controller.workload.objects import Object

SECRETS = ApiKind(kind="Secret", api_version="v1", plural="secrets")
MOST_HEADERS = 16
LONGEST_VALUE = 8192
"""Characters of one header."""
_NAME = re.compile(r"[A-Za-z0-9][-_.A-Za-z0-9]*")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_OURS = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "idempotency-key",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Those of the connection, and those that say what is sent."""


class SecretHeaders:
    """Reads one Secret at a time, by its name: a Role that names it is enough."""

    def __init__(self, api: ApiClient) -> None:
        self._objects = ChildObjects(api)

    async def of(self, namespace: str, secret: str) -> dict[str, str]:
        """The headers in a Secret. No message has anything of its values."""
        try:
            found = await self._objects.get(SECRETS, namespace, secret)
        except Rejected as refusal:
            raise Rejected(
                f"headersSecret {secret!r} cannot be read: it must be there, and a Role and a RoleBinding of namespace "
                f"{namespace} must let the controller get it ({refusal})"
            ) from refusal
        return headers_in(secret, found)


def headers_in(secret: str, found: Object) -> dict[str, str]:
    """The headers that a Secret has. Raises Rejected for what no header can be, naming the key."""
    data = found.get("data") or {}
    if len(data) > MOST_HEADERS:
        raise Rejected(f"headersSecret {secret!r} has {len(data)} keys, and at most {MOST_HEADERS} headers are sent")
    return {name: _value(secret, name, value) for name, value in data.items()}


def _value(secret: str, name: str, encoded: str) -> str:
    if name.lower() in _OURS or not _NAME.fullmatch(name):
        raise Rejected(f"headersSecret {secret!r}: {name} is no header that can be given: leave that key out")
    try:
        value = base64.b64decode(encoded, validate=True).decode("ascii").strip("\r\n")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Rejected(f"headersSecret {secret!r}: {name} holds what no header can: write plain ASCII") from error
    if not _VALUE.fullmatch(value) or len(value) > LONGEST_VALUE:
        raise Rejected(
            f"headersSecret {secret!r}: {name} holds what no header can: one line of plain ASCII, not longer "
            f"than {LONGEST_VALUE} characters"
        )
    return value
