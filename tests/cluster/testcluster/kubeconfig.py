"""The files that say how to reach the API server, and as whom."""

import base64
import json
from pathlib import Path


def render(pki: Path, identity: str, node: str, context: str) -> str:
    """A kubeconfig (JSON is YAML too) with everything inside: it can be copied anywhere on this machine."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": context, "cluster": _server(pki, node)}],
            "users": [{"name": identity, "user": _user(pki, identity)}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": identity}}],
            "current-context": context,
        },
        indent=1,
    )


def _server(pki: Path, node: str) -> dict[str, str]:
    return {"server": f"https://{node}:6443", "certificate-authority-data": _encoded(pki / "ca.crt")}


def _user(pki: Path, identity: str) -> dict[str, str]:
    return {
        "client-certificate-data": _encoded(pki / f"{identity}.crt"),
        "client-key-data": _encoded(pki / f"{identity}.key"),
    }


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
