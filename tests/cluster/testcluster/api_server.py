"""What starting a cluster asks the API server. Over plain HTTPS: kubectl takes half a second for each question."""

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TIMEOUT = 3  # seconds


@dataclass(frozen=True)
class ApiServer:
    """The API server of one cluster, seen as its administrator."""

    node: str
    pki: Path

    def get(self, path: str) -> dict[str, Any] | None:
        """The answer to GET; None while there is none."""
        context = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
        context.load_cert_chain(self.pki / "admin.crt", self.pki / "admin.key")
        try:
            address = f"https://{self.node}:6443{path}"
            with urllib.request.urlopen(address, timeout=_TIMEOUT, context=context) as answer:
                body = answer.read()
        except OSError:
            return None
        try:
            decoded = json.loads(body)
        except ValueError:
            return None
        return decoded if isinstance(decoded, dict) else None


def answers(address: str) -> bool:
    """Whether a GET of this address ends well."""
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def node_is_ready(node: dict[str, Any] | None) -> bool:
    conditions = (node or {}).get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
