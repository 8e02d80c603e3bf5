"""A real image registry on loopback, which asks who calls."""

import contextlib
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

USERNAME, PASSWORD = "robot-of-tests", "a-password-of-tests"
_ONE_USER = f"{USERNAME}:$2b$05$abcdefghijklmnopqrstuueA.5djcjiTIZGfiZPkCs0FT7mnizswe\n"
"""As htpasswd writes it, for PASSWORD."""
_START_SECONDS = 60
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, kw_only=True)
class ImageRegistry:
    """A running registry."""

    address: str
    """host:port."""

    def manifest(self, repository: str, tag: str) -> dict[str, Any]:
        """Answer what is under a name. Raises httpx.HTTPStatusError where there is nothing."""
        url = f"http://{self.address}/v2/{repository}/manifests/{tag}"
        answer = httpx.get(url, headers={"accept": _MANIFEST}, auth=(USERNAME, PASSWORD), timeout=30)
        answer.raise_for_status()
        manifest: dict[str, Any] = answer.json()
        return manifest


@contextmanager
def image_registry() -> Iterator[ImageRegistry]:
    """Run one, empty; what was pushed goes with the block."""
    with tempfile.TemporaryDirectory(prefix="registry-") as name, socket.socket() as free:
        folder = Path(name)
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        free.close()
        (folder / "htpasswd").write_text(_ONE_USER)
        (folder / "config.json").write_text(json.dumps(_configuration(folder, address)))
        with (folder / "log").open("wb") as log:
            command = ["docker-registry", "serve", str(folder / "config.json")]
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait(address, process, folder / "log")
            yield ImageRegistry(address=address)
        finally:
            process.kill()
            process.wait()


def _configuration(folder: Path, address: str) -> dict[str, Any]:
    return {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address, "secret": "of tests"},
        "auth": {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}},
    }


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the registry ended with code {process.returncode}: {log.read_text()[-2000:]}")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"http://{address}/v2/", timeout=2).status_code == httpx.codes.UNAUTHORIZED:
                return
        time.sleep(0.1)
    raise TimeoutError(f"the registry at {address} does not answer after {_START_SECONDS} s: {log.read_text()[-2000:]}")
