"""A real registry on loopback that anybody may push images and charts to: Debian's docker-registry."""

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import httpx

_START_SECONDS = 30.0
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


class OciRegistry:
    """Runs from entering its context until leaving it."""

    def __init__(self, folder: Path) -> None:
        """`folder`: for its storage."""
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{free.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(self._folder / "storage")}},
            "http": {"addr": self.host, "secret": "one test, no users"},
        }
        file = self._folder / "registry.json"
        file.write_text(json.dumps(configuration))
        with (self._folder / "registry.log").open("w") as log:
            self._process = subprocess.Popen(["docker-registry", "serve", file], stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise RuntimeError((self._folder / "registry.log").read_text())
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def manifest(self, name: str, tag: str) -> dict[str, Any]:
        """What stands under a tag or a digest. Raises httpx.HTTPError."""
        found: dict[str, Any] = json.loads(self.bytes_of(name, tag))
        return found

    def bytes_of(self, name: str, tag: str) -> bytes:
        """A manifest as it lies there, of which the digest is. Raises httpx.HTTPError."""
        accepted = {"Accept": ", ".join(_MANIFESTS)}
        answer = httpx.get(f"http://{self.host}/v2/{name}/manifests/{tag}", headers=accepted, timeout=10)
        return answer.raise_for_status().content

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://{self.host}/v2/", timeout=1).is_success
        except httpx.HTTPError:
            return False
