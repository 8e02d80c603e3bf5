"""docker, where it works and images go to a registry of the user's own."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from testcluster import paths, progress
from testcluster.errors import ClusterError

_LIMIT = 1800  # seconds


def works() -> bool:
    if shutil.which("docker") is None:
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


class Docker:
    """Builds, tries and pushes images with the docker daemon."""

    def _must(self, *arguments: str) -> str:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=_LIMIT, check=False)
        if done.returncode != 0:
            raise ClusterError(f"docker {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def build(self, image: str, dockerfile: Path, context: Path, variables: Mapping[str, str], what: str) -> str:
        """Builds `image`; answers its id."""
        given = [f"--build-arg={name}={value}" for name, value in variables.items()]
        log = paths.cache() / "logs" / f"image-{image.rpartition('/')[2].partition(':')[0]}.log"
        command = ["docker", "build", f"--file={dockerfile}", f"--tag={image}", *given, str(context)]
        environment = os.environ | {"DOCKER_BUILDKIT": "1"}
        progress.run_logged(command, log, what, timeout=_LIMIT, environment=environment)
        return self._must("image", "inspect", "--format={{.Id}}", image).removeprefix("sha256:")

    def run(self, image: str, command: Sequence[str]) -> None:
        program, *arguments = command
        self._must("run", "--rm", "--network=none", f"--entrypoint={program}", image, *arguments)

    def push(self, image: str, target: str, *, plain_http: bool) -> str:
        """Pushes to `target`; answers the digest by which it can be pulled. Plain http is the daemon's own setting."""
        del plain_http
        self._must("tag", image, target)
        self._must("push", target)
        names = json.loads(self._must("image", "inspect", "--format={{json .RepoDigests}}", target))
        repository = target.rpartition(":")[0]
        digests = [name.partition("@")[2] for name in names if name.startswith(f"{repository}@")]
        if not digests:
            raise ClusterError(f"docker pushed {target} but knows no digest of it")
        return str(digests[0])

    def push_list(self, target: str, images: Sequence[str], *, plain_http: bool) -> str:
        """Pushes a list of images that are in the registry already; answers its digest."""
        del plain_http
        self._must("buildx", "imagetools", "create", f"--tag={target}", *images)
        return self._must("buildx", "imagetools", "inspect", "--format={{.Manifest.Digest}}", target)
