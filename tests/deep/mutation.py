"""Plants faults in the controller's decisions and statistics by mutmut, and says how many of them unit tests see.

`make mutation`, with PART=rollout.steps for one module or package of `penstock_controller`, and SECONDS_AT_MOST for a
run that ends before it is through. What it prints and writes to build/mutation.json is the score of what was tried.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import penstock_controller

ROOT = Path(__file__).parents[2]
PACKAGE = Path(penstock_controller.__file__).parent
UNIT = ROOT / "tests/unit/controller"
TOO_LONG = ("test_rollout_machine.py",)
"""It takes half a minute for each fault: what it alone sees counts as not seen here."""
NOT_OF_THESE = ("test_crd.py", "test_operator.py", "test_status_compatibility.py")
"""They look at files of the work tree, or at what is around the decisions."""
SETTINGS = """\
[tool.mutmut]
source_paths = ["src"]
only_mutate = [ONLY]
pytest_add_cli_args_test_selection = ["tests/unit/controller"]
pytest_add_cli_args = ["-p", "no:xdist", "-p", "no:cacheprovider", "-p", "no:schemathesis"]
use_git_change_detection = false
timeout_multiplier = 10.0

[tool.pytest.ini_options]
addopts = ["--import-mode=importlib"]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
"""
SEEN = ("killed", "timeout", "segfault", "suspicious", "caught by type check")
NOT_SEEN = ("survived", "no tests")


def only(part: str) -> str:
    """The files that mutmut is to plant faults in: `rollout`, `rollout.steps`, or both packages."""
    named = [part] if part else ["rollout", "analysis"]
    paths = [f"src/penstock_controller/{each.replace('.', '/')}" for each in named]
    return ", ".join(
        f'"{path}.py"' if (PACKAGE / f"{path.removeprefix('src/penstock_controller/')}.py").exists() else f'"{path}/*"'
        for path in paths
    )


def lay_out(folder: Path, part: str) -> None:
    """The package and its unit tests as mutmut wants them, and its settings."""
    ignored = shutil.ignore_patterns("__pycache__", *TOO_LONG, *NOT_OF_THESE)
    shutil.copytree(PACKAGE, folder / "src/penstock_controller", ignore=ignored)
    shutil.copytree(UNIT, folder / "tests/unit/controller", ignore=ignored)
    (folder / "pyproject.toml").write_text(SETTINGS.replace("ONLY", only(part)))


def run(folder: Path, part: str, seconds: float) -> None:
    """mutmut over one part; what it had by then counts when the time is up."""
    command = [
        str(Path(sys.executable).with_name("mutmut")),
        "run",
        "--max-children",
        "2",
        f"penstock_controller.{part}*",
    ]
    try:
        done = subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": "src"}, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        print(f"mutation: ended after {seconds:g} s", flush=True)
    else:
        if done.returncode not in (0, 1):
            raise SystemExit(f"mutation: mutmut failed with {done.returncode}")


def outcomes(folder: Path) -> dict[str, str]:
    """Every mutant that was tried and what came of it."""
    command = [str(Path(sys.executable).with_name("mutmut")), "results", "--all", "true"]
    text = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    found = dict(line.strip().rsplit(": ", 1) for line in text.splitlines() if ": " in line)
    return {name: outcome for name, outcome in found.items() if outcome in (*SEEN, *NOT_SEEN)}


def main() -> int:
    part, seconds = os.environ.get("PART", ""), float(os.environ.get("SECONDS_AT_MOST", "14400"))
    with tempfile.TemporaryDirectory() as there:
        folder = Path(there)
        lay_out(folder, part)
        run(folder, part, seconds)
        found = outcomes(folder)
    counts = Counter(found.values())
    seen = sum(counts[outcome] for outcome in SEEN)
    survivors = sorted(name for name, outcome in found.items() if outcome in NOT_SEEN)
    print("\n".join(survivors))
    print(
        f"mutation: of {len(found)} faults in {part or 'rollout and analysis'}, unit tests saw {seen}: {dict(counts)}"
    )
    (ROOT / "build").mkdir(exist_ok=True)
    report = {"part": part, "tried": len(found), "seen": seen, "by_outcome": counts, "not_seen": survivors}
    (ROOT / "build/mutation.json").write_text(json.dumps(report, indent=1))
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
