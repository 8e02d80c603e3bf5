"""An environment for each client that is not ours: they conflict with our lock, and with each other."""

import sys
from pathlib import Path

from penstock_testing.locked_environment import ROOT, locked_environment

CLIENTS = ROOT / "tests" / "clients"


def python_for(client: str) -> Path:
    """The python that has exactly what the client's lock says. Without a lock, ours."""
    lock = CLIENTS / client / "requirements.txt"
    return locked_environment(client, lock) / "bin" / "python" if lock.exists() else Path(sys.executable)
