"""The predictor as its image has it: with the modules compiled that its build compiles."""

import hashlib
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from penstock_testing.build_cache import BuildCache

ROOT = Path(__file__).resolve().parents[4]
_MEMBER = ROOT / "services" / "predictor"
_SOURCES = (_MEMBER / "src", ROOT / "contracts" / "src", ROOT / "json-logs" / "src")
_SECONDS = 1200


def compiled_predictor() -> Path:
    """Return the folder that holds the package; kept outside the clone by the hash of what it is made of."""
    return BuildCache("compiled").kept(_key(), _compiled)


def _compiled(draft: Path) -> Path:
    library = draft / "lib"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(_MEMBER / "src" / "penstock_predictor", library / "penstock_predictor", ignore=ignored)
    compile_in(library)
    return library


def compile_in(library: Path) -> None:
    """Compile the predictor in a folder of packages, by what its image is built with.

    Raises RuntimeError where there is nothing to compile with.
    """
    headers = Path(sysconfig.get_path("include"), "Python.h")
    if not shutil.which("gcc") or not headers.exists():
        raise RuntimeError(f"the predictor is compiled: install gcc and python3-dev (gcc in PATH, and {headers})")
    command = [sys.executable, str(_MEMBER / "compile.py"), str(library)]
    subprocess.run(command, check=True, timeout=_SECONDS)


def _key() -> str:
    files = [_MEMBER / "compile.py", ROOT / "locks" / "dev.txt", *(f for s in _SOURCES for f in s.rglob("*.py"))]
    sums = [f"{file.relative_to(ROOT)} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in sorted(files)]
    return hashlib.sha256("\n".join([sys.version, *sums]).encode()).hexdigest()[:16]
