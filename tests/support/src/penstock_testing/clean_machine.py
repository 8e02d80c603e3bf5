"""A machine on which nothing of ours is: an empty folder, a virtual environment of its own, and no clone in reach."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from penstock_testing.build_cache import BuildCache
from penstock_testing.platform import ROOT

_INSTALL_SECONDS = 600
_DOWNLOAD_SECONDS = 1800
# Whoever runs in it finds an empty folder where the clone is.
_WITHOUT_CLONE = 'mount -t tmpfs -o ro,size=4k none "$1" && shift && exec "$@"'


def python() -> Path:
    """The Python that the workspace's environment was made from: one that holds nothing of ours."""
    return Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class CleanMachine:
    """Commands run in its folder, see nothing of this process' environment, and do not see the clone."""

    folder: Path
    """An empty one, outside of the clone."""

    def run(
        self, *command: str | Path, seconds: float = 180.0, stdin: str = "", variables: Mapping[str, str] | None = None
    ) -> str:
        """Run a command; answers what it printed. Raises subprocess.CalledProcessError, with that in its notes."""
        done = subprocess.run(
            self.command(*command),
            cwd=self.folder,
            env=self.environment | dict(variables or {}),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode != 0:
            error = subprocess.CalledProcessError(done.returncode, [str(word) for word in command])
            error.add_note(done.stdout + done.stderr)
            raise error
        return done.stdout

    def command(self, *command: str | Path) -> list[str]:
        """That command as `run` runs it, to be started with `environment`."""
        rights = [] if os.geteuid() == 0 else ["--map-root-user"]
        masked = ["unshare", "--mount", *rights, "--", "sh", "-c", _WITHOUT_CLONE, "sh", str(ROOT)]
        return [*masked, *(str(word) for word in command)]

    def provide(self, **programs: str | Path) -> None:
        """Put programs on its PATH, each under the name that is given."""
        (self.folder / "bin").mkdir(exist_ok=True)
        for name, program in programs.items():
            found = shutil.which(program) or str(program)
            (self.folder / "bin" / name).symlink_to(Path(found).absolute())

    @cached_property
    def environment(self) -> dict[str, str]:
        """PATH has its virtual environment, what it was provided with, and the system's programs."""
        system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {
            "HOME": str(self.folder),
            "PATH": f"{self.folder}/venv/bin:{self.folder}/bin:{system}",
            "TMPDIR": "/tmp",
            "LC_ALL": "C.UTF-8",
        }

    def install(self, *requirements: str, folders: Iterable[Path]) -> None:
        """`pip install` from folders of wheels, and from nowhere else, into an environment that is made for it."""
        if not (self.folder / "venv").exists():
            self.run(python(), "-m", "venv", "venv", seconds=_INSTALL_SECONDS)
        places = [word for folder in folders for word in ("--find-links", folder)]
        self.run("pip", "install", "--quiet", "--no-index", *places, *requirements, seconds=_INSTALL_SECONDS)


def wheelhouse(*locks: str) -> Path:
    """A folder with the wheels that locks in `locks/` list, fetched once and checked by their hashes."""
    files = [ROOT / "locks" / f"{name}.txt" for name in locks]
    digest = hashlib.sha256(sys.version.encode() + b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    return BuildCache("wheelhouses").kept(digest, lambda draft: _downloaded(files, draft))


def _downloaded(locks: Iterable[Path], draft: Path) -> Path:
    subprocess.run([python(), "-m", "venv", draft / "venv"], check=True, timeout=_INSTALL_SECONDS)
    how = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    for lock in locks:
        command = [f"{draft}/venv/bin/pip", "download", *how, "--dest", f"{draft}/wheels", "-r", str(lock)]
        subprocess.run(command, check=True, timeout=_DOWNLOAD_SECONDS)
    return draft / "wheels"
