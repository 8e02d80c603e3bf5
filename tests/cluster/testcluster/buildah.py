"""buildah with a store of its own below the cache."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from testcluster import paths, progress
from testcluster.errors import ClusterError
from testcluster.processes import contained

_LIMIT = 1800  # seconds
# pip and uv inside of a build need what this machine trusts and how it reaches the package index
_SHARED = ("/etc/ssl/certs", "/etc/pip.conf")


class Buildah:
    """Builds, tries and pushes images. Isolation by chroot: it needs no container engine.

    Each command is alone: one that is killed leaves no mount and no process, only records in the store of containers
    that a new one removes. So at most one at a time uses a `home`.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        for folder in ("storage", "run", "tmp"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        # TMPDIR: its cache mounts are kept there
        self._environment = os.environ | {"BUILDAH_ISOLATION": "chroot", "TMPDIR": str(home / "tmp")}
        self._must("rm", "--all")

    def _command(self, *arguments: str) -> list[str]:
        store = ["--root", str(self._home / "storage"), "--runroot", str(self._home / "run")]
        return ["buildah", *store, "--storage-driver", "overlay", *arguments]

    def _ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            contained(self._command(*arguments)),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def _must(self, *arguments: str) -> str:
        done = self._ask(*arguments)
        if done.returncode != 0:
            raise ClusterError(f"buildah {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def build(self, image: str, dockerfile: Path, context: Path, variables: Mapping[str, str], what: str) -> str:
        """Builds `image`; answers its id."""
        before = self.identity(image)
        result = self._home / "tmp" / f"id-{os.getpid()}"
        shared = [f"--volume={place}:{place}:ro" for place in _SHARED if Path(place).exists()]
        given = [f"--build-arg={name}={value}" for name, value in variables.items()]
        how = ["--layers", "--pull-never", f"--iidfile={result}", f"--file={dockerfile}", f"--tag={image}"]
        log = paths.cache() / "logs" / f"image-{image.rpartition('/')[2].partition(':')[0]}.log"
        command = self._command("build", *how, *shared, *given, str(context))
        progress.run_logged(command, log, what, timeout=_LIMIT, environment=self._environment, alone=True)
        identity = result.read_text().strip().removeprefix("sha256:")
        result.unlink()
        if before and before != identity:
            self.drop(before)
        return identity

    def run(self, image: str, command: Sequence[str]) -> None:
        """Runs `command` in a container of that image, as the image's user.

        Raises:
            ClusterError: with the command's output, where it did not end well.

        """
        container = self._must("from", "--pull-never", image)
        try:
            self._must("run", container, "--", *command)
        finally:
            self._ask("rm", container)

    def push(self, image: str, target: str, *, plain_http: bool) -> str:
        """Pushes to `target`; answers the digest by which it can be pulled."""
        result = self._home / "tmp" / f"digest-{os.getpid()}"
        # zstd at level 1: the registry is on this machine, so time is worth more than size
        fast = ["--tls-verify=false", "--compression-format=zstd", "--compression-level=1", "--format=oci"]
        self._must("push", f"--digestfile={result}", *(fast if plain_http else []), image, f"docker://{target}")
        digest = result.read_text().strip()
        result.unlink()
        return digest

    def push_list(self, target: str, images: Sequence[str], *, plain_http: bool) -> str:
        """Pushes a list of images that are in the registry already; answers its digest."""
        name, result = f"localhost/penstock/list:{os.getpid()}", self._home / "tmp" / f"digest-{os.getpid()}"
        access = ["--tls-verify=false"] if plain_http else []
        self._must("manifest", "create", name)
        try:
            for image in images:
                self._must("manifest", "add", *access, name, f"docker://{image}")
            self._must("manifest", "push", "--all", *access, f"--digestfile={result}", name, f"docker://{target}")
        finally:
            self._ask("manifest", "rm", name)
        digest = result.read_text().strip()
        result.unlink()
        return digest

    def identity(self, image: str) -> str | None:
        """The id of the image that has this name now; None where there is none."""
        done = self._ask("inspect", "--type=image", "--format={{.FromImageID}}", image)
        return done.stdout.strip() or None if done.returncode == 0 else None

    def drop(self, identity: str) -> None:
        """Removes an image that lost its name, and the layers that only it used: rebuilds would fill the disk."""
        self._ask("rmi", identity)
