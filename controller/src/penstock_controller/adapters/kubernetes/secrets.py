"""The ports of headers and of receivers' addresses: Secrets, each of which the controller may get only where it is let.

They are in users' namespaces, or for the administrator's receivers in the release's.
"""

import base64
import binascii
import re
from collections.abc import Mapping

from kubernetes.aio.client import ApiClient
from pydantic import TypeAdapter, ValidationError

from penstock_contracts.api.schema import WebAddress
from penstock_controller.adapters.kubernetes.child_objects import ApiKind, ChildObjects
from penstock_controller.errors import Rejected
from penstock_controller.ports import ReceiverAddress

SECRETS = ApiKind(kind="Secret", api_version="v1", plural="secrets")
MOST_HEADERS = 16
LONGEST_VALUE = 8192
"""Characters of one header."""
_NAME = re.compile(r"[A-Za-z0-9][-_.A-Za-z0-9]*")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_ADDRESS = "address"
_URL: TypeAdapter[str] = TypeAdapter(WebAddress)
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
        called = f"headersSecret {secret!r}"
        return _headers_in(called, await _data(self._objects, namespace, secret, called))


class SecretAddresses:
    """Reads one Secret at a time: its key `address`, and each other key as a header."""

    def __init__(self, api: ApiClient) -> None:
        self._objects = ChildObjects(api)

    async def of(self, namespace: str, secret: str) -> ReceiverAddress:
        """The address in a Secret. No message has anything of its values."""
        called = f"Secret {secret!r}"
        data = dict(await _data(self._objects, namespace, secret, called))
        url = _value(called, _ADDRESS, data.pop(_ADDRESS, "")).strip()
        try:
            _URL.validate_python(url)
        except ValidationError:
            # Without its words, which repeat the value.
            raise Rejected(
                f"{called}: {_ADDRESS} must be an http or https URL without user, password and fragment"
            ) from None
        return ReceiverAddress(url=url, headers=_headers_in(called, data))


async def _data(objects: ChildObjects, namespace: str, secret: str, called: str) -> Mapping[str, str]:
    """What a Secret has, encoded. `called`: as messages speak of it."""
    try:
        found = await objects.get(SECRETS, namespace, secret)
    except Rejected as refusal:
        raise Rejected(
            f"{called} cannot be read: it must be there, and a Role and a RoleBinding of namespace "
            f"{namespace} must let the controller get it ({refusal})"
        ) from refusal
    return found.get("data") or {}


def _headers_in(called: str, data: Mapping[str, str]) -> dict[str, str]:
    """The headers among them. Raises Rejected for what no header can be, naming the key."""
    if len(data) > MOST_HEADERS:
        raise Rejected(f"{called} has {len(data)} keys, and at most {MOST_HEADERS} headers are sent")
    return {name: _header(called, name, value) for name, value in data.items()}


def _header(called: str, name: str, encoded: str) -> str:
    if name.lower() in _OURS or not _NAME.fullmatch(name):
        raise Rejected(f"{called}: {name} is no header that can be given: leave that key out")
    return _value(called, name, encoded)


def _value(called: str, name: str, encoded: str) -> str:
    try:
        value = base64.b64decode(encoded, validate=True).decode("ascii").strip("\r\n")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Rejected(f"{called}: {name} holds what no header can: write plain ASCII") from error
    if not _VALUE.fullmatch(value) or len(value) > LONGEST_VALUE:
        raise Rejected(
            f"{called}: {name} holds what no header can: one line of plain ASCII, not longer "
            f"than {LONGEST_VALUE} characters"
        )
    return value
