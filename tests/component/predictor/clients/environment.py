"""An environment for each client that is not ours: they conflict with our lock, and with each other."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from testcluster import locks, paths, versions

CLIENTS = paths.PROJECT / "tests" / "clients"
_INSTALL_SECONDS = 600


def python_for(client: str) -> Path:
    """The python that has exactly what the client's lock says; made once, kept for later runs. Without a lock, ours."""
    lock = CLIENTS / client / "requirements.txt"
    if not lock.exists():
        return Path(sys.executable)
    made_from = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = paths.cache() / "clients" / f"{client}-{made_from}"
    whole = folder / ".whole"
    with locks.held(folder.with_suffix(".lock"), f"installing the client {client}"):
        if not whole.exists():
            _install(folder, lock)
            whole.touch()
    return folder / "bin" / "python"


def _install(folder: Path, lock: Path) -> None:
    uv = _uv()
    _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    python = str(folder / "bin" / "python")
    _run(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, str(lock))


def _uv() -> str:
    """The pinned uv, where the Makefile has it."""
    version = versions.read().uv
    folder = paths.cache() / "uv" / version
    _run(str(paths.PROJECT / "locks" / "install-uv"), str(folder), UV_VERSION=version)
    return str(folder / "bin" / "uv")


def _run(*command: str, **more: str) -> None:
    settings = {"UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never"} | more
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL")
    if index:  # uv looks where pip is told to look
        settings["UV_DEFAULT_INDEX"] = index
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(command, check=True, timeout=_INSTALL_SECONDS, env=environment | settings)
