"""Environments that are not ours, each made once from its lock and kept for later runs: they conflict with ours."""

import fcntl
import hashlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
_INSTALL_SECONDS = 600


def locked_environment(name: str, lock: Path) -> Path:
    """The folder of a virtual environment that has exactly what a lock says."""
    made_from = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = _cache() / "clients" / f"{name}-{made_from}"
    whole = folder / ".whole"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not whole.exists():
            _install(folder, lock)
            whole.touch()
    return folder


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penstock"


def _install(folder: Path, lock: Path) -> None:
    uv = _uv()
    _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    python = str(folder / "bin" / "python")
    # Compiled once here: Feast alone takes a minute to import where nothing is compiled.
    _run(uv, "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes", "--python", python, str(lock))


def _uv() -> str:
    """The pinned uv, where the Makefile has it."""
    versions = tomllib.loads((ROOT / "tests" / "cluster" / "versions.toml").read_text())
    version: str = versions["uv"]["version"]
    folder = _cache() / "uv" / version
    _run(str(ROOT / "locks" / "install-uv"), str(folder), UV_VERSION=version)
    return str(folder / "bin" / "uv")


def _run(*command: str, **more: str) -> None:
    settings = {"UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never"} | more
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL")
    if index:  # uv looks where pip is told to look
        settings["UV_DEFAULT_INDEX"] = index
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(command, check=True, timeout=_INSTALL_SECONDS, env=environment | settings)
