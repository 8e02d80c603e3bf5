"""Programs of others, compiled from the Go modules that a folder of `tests` pins; kept outside the clone."""

import hashlib
import os
import subprocess
from pathlib import Path

from penstock_testing.build_cache import BuildCache
from penstock_testing.platform import ROOT

_BUILD_SECONDS = 1800


def compiled(folder: str, package: str, go: Path) -> Path:
    """Return the program that `package` makes, where a folder below `tests` has go.mod and go.sum; compile it once.

    `package`: an import path, or `.` for the folder's own sources, whose program is named after the folder.
    """
    sources = ROOT / "tests" / folder
    name = sources.name if package == "." else package.rpartition("/")[2]
    program = f"{name}-{_key(sources, package)}/{name}"
    return BuildCache("go-programs").kept(program, lambda draft: _built(go, sources, package, draft / name))


def _key(sources: Path, package: str) -> str:
    files = sorted(file for file in sources.iterdir() if file.suffix in {".go", ".mod", ".sum"})
    return hashlib.sha256(b"\n".join([package.encode(), *(file.read_bytes() for file in files)])).hexdigest()[:16]


def _built(go: Path, sources: Path, package: str, program: Path) -> Path:
    fixed = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
    command = [str(go), "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", str(program), package]
    subprocess.run(command, cwd=sources, env=os.environ | fixed, timeout=_BUILD_SECONDS, check=True)
    return program
