"""Builds the kubectl plugin as a program that needs no Python, for the platform that this runs on.

    python -m release.plugin_archive build/plugin python3

PyInstaller puts program, Python and packages into one folder. The archive is what krew installs, and what anybody may
unpack: `kubectl-penstock` in it goes on PATH, by a link.
"""

import os
import platform
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from release import environment, version
from release.programs import run

PROGRAM = "kubectl-penstock"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""As Go names a machine, and so krew and images."""
_START = "from penstock_cli.__main__ import main\n\nmain()\n"


def file_name(system: str, architecture: str) -> str:
    """Of the archive for `linux` or `darwin`, and `amd64` or `arm64`."""
    return f"{PROGRAM}-{version.read()}-{system}-{architecture}.tar.gz"


def build_archive(there: Path, python: str, uv: Path) -> Path:
    """Build it with that Python, which must have its library as a shared one; answers the archive."""
    there.mkdir(parents=True, exist_ok=True)
    archive = there / file_name(platform.system().lower(), ARCHITECTURES[platform.machine()])
    with TemporaryDirectory() as draft:
        members = ("penstock-contracts", "penstock-cli")
        program = environment.make(Path(draft) / "environment", python, uv, ("cli", "cli-archive"), members)
        folder = _freeze(program, Path(draft))
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(folder, PROGRAM, filter=_without_owner)
            packed.add(version.ROOT / "LICENSE", "LICENSE", filter=_without_owner)
    return archive


def _freeze(python: Path, draft: Path) -> Path:
    """Run PyInstaller; answers the folder that it made."""
    script = draft / "start.py"
    script.write_text(_START)
    where = ("--distpath", draft / "out", "--workpath", draft / "work", "--specpath", draft)
    # click reads the plugin's version from its metadata; rich imports its tables of characters by name.
    more = ("--copy-metadata", "penstock-cli", "--collect-submodules", "rich._unicode_data")
    kind = ("--noconfirm", "--onedir", "--strip", "--name", PROGRAM)
    run(python, "-m", "PyInstaller", *kind, *where, *more, script, folder=draft, seconds=900)
    return draft / "out" / PROGRAM


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    print(build_archive(Path(sys.argv[1]), sys.argv[2], Path(os.environ["UV"])))
