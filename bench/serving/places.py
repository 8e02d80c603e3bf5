"""Where this bench reads and writes; what it installs is kept outside the clone, by the hash of what it was made of."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = ROOT / "bench" / "serving"
BUILD = ROOT / "build" / "bench-serving"


def kept(name: str, made_from: bytes, make: Callable[[Path], None]) -> Path:
    """Return the folder `<name>-<hash of made_from>`; `make` fills it where it is not there yet."""
    above = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penstock" / "bench"
    there = above / f"{name}-{hashlib.sha256(made_from).hexdigest()[:16]}"
    if (there / ".whole").exists():
        return there
    # Not made beside it and renamed, as uv is: a virtual environment's programs name the folder they are in.
    shutil.rmtree(there, ignore_errors=True)
    there.mkdir(parents=True)
    make(there)
    (there / ".whole").touch()
    return there
