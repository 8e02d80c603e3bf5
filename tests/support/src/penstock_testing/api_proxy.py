"""The API server at a port of this machine: one kubectl that stays, for who asks many times a second."""

from typing import TYPE_CHECKING, Self

import httpx

from penstock_testing.cluster import KubernetesCluster, Object

if TYPE_CHECKING:
    import subprocess


class ApiProxy:
    """`kubectl proxy` from entering the context until leaving it."""

    def __init__(self, cluster: KubernetesCluster) -> None:
        self._cluster = cluster
        self._process: subprocess.Popen[str] | None = None
        self._client = httpx.Client(timeout=5.0)

    def __enter__(self) -> Self:
        self._process = self._cluster.start_kubectl("proxy", "--port=0")
        said = (self._process.stdout.readline() if self._process.stdout else "").strip()
        address = said.rpartition(" ")[2]
        if ":" not in address:
            self._process.kill()
            raise RuntimeError(f"kubectl proxy names no address: {said!r}")
        self._client.base_url = httpx.URL(f"http://{address}")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=10)

    def get(self, path: str) -> Object:
        """An answer of the API server. Raises httpx.HTTPError."""
        answer: Object = self._client.get(path).raise_for_status().json()
        return answer
