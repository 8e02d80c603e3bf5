"""A real registry of images and charts on loopback: Debian's docker-registry."""

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import httpx

USERNAME, PASSWORD = "robot-of-tests", "a-password-of-tests"
_ONE_USER = f"{USERNAME}:$2b$05$abcdefghijklmnopqrstuueA.5djcjiTIZGfiZPkCs0FT7mnizswe\n"
"""As htpasswd writes it, for PASSWORD."""
_START_SECONDS = 60.0
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


class OciRegistry:
    """Runs from entering its context until leaving it."""

    def __init__(self, folder: Path, *, credentials: tuple[str, str] | None = None) -> None:
        """`folder`: for its storage. `credentials`: USERNAME and PASSWORD, where it asks who calls."""
        self._folder, self._credentials = folder, credentials
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{free.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        configuration = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(self._folder / "storage")}},
            "http": {"addr": self.host, "secret": "of tests"},
            **self._who_may(),
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
        url = f"http://{self.host}/v2/{name}/manifests/{tag}"
        answer = httpx.get(url, headers=accepted, auth=self._credentials, timeout=30)
        return answer.raise_for_status().content

    def _who_may(self) -> dict[str, Any]:
        if self._credentials is None:
            return {}
        users = self._folder / "htpasswd"
        users.write_text(_ONE_USER)
        return {"auth": {"htpasswd": {"realm": "tests", "path": str(users)}}}

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://{self.host}/v2/", auth=self._credentials, timeout=1).is_success
        except httpx.HTTPError:
            return False
