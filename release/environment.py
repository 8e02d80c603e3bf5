"""A virtual environment with what locks list and with members of ours: what compiled things are made in."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from release.distributions import build
from release.members import all_members
from release.programs import run
from release.version import ROOT


def make(there: Path, python: str, uv: Path, locks: Iterable[str], members: Iterable[str]) -> Path:
    """Make it with that Python (a path, a name on PATH or a version); answers its Python.

    `locks`: names of files in `locks/`, with hatchling among what they list. `members`: names of distributions.
    """
    program = there / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", python, there)
    files = [ROOT / "locks" / f"{name}.txt" for name in locks]
    run(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", program, *files, seconds=1200)
    found = {member.name: member for member in all_members()}
    with TemporaryDirectory() as draft:
        wheels = [build(found[name], Path(draft), python=program)[1] for name in members]
        run(uv, "pip", "install", "--quiet", "--no-deps", "--no-index", "--python", program, *wheels)
    return program
