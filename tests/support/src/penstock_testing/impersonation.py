"""Single calls to the real API server in the name of a service account, as nobody's client would make them."""

import base64
import json
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from penstock_testing.cluster import KubernetesCluster

_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Impersonation:
    """A connection as an administrator who acts as others."""

    client: httpx.Client

    def refused(self, account: str, call: str) -> bool:
        """Whether RBAC refuses `<METHOD> <path>` made as a service account `<namespace>:<name>`.

        Calls have no body: authorization comes before a body is looked at. What is not refused may fail otherwise.
        """
        method, path = call.split(" ", 1)
        user = f"system:serviceaccount:{account}"
        answer = self.client.request(method, path, headers={"Impersonate-User": user})
        return answer.status_code == httpx.codes.FORBIDDEN and f'User "{user}" cannot' in answer.json()["message"]


@contextmanager
def impersonation(cluster: KubernetesCluster) -> Iterator[Impersonation]:
    """By the kubeconfig's own certificate or token."""
    view = json.loads(cluster.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
    server, user = view["clusters"][0]["cluster"], view["users"][0]["user"]
    context = ssl.create_default_context(cadata=base64.b64decode(server["certificate-authority-data"]).decode())
    _log_in(context, user)
    headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    with httpx.Client(
        base_url=server["server"], verify=context, headers=headers, timeout=_SECONDS, trust_env=False
    ) as client:
        yield Impersonation(client=client)


def _log_in(context: ssl.SSLContext, user: dict[str, Any]) -> None:
    if "client-certificate-data" not in user:
        return
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / "user.pem"
        texts = [base64.b64decode(user[f"client-{what}-data"]) for what in ("certificate", "key")]
        both.write_bytes(b"\n".join(texts))
        context.load_cert_chain(both)
