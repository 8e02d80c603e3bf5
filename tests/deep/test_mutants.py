"""Each fault that somebody could make in the engine is seen by the engine's own tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import penstock_controller
from penstock_testing.rollout_mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests/unit/controller"
SCENARIOS = (
    "test_engine.py",
    "test_rollout_steps.py",
    "test_rollout_gates.py",
    "test_bake.py",
    "test_steps.py",
    "test_sizing.py",
    "test_outcome.py",
)
MACHINE = ("test_rollout_machine.py",)
_LONGEST = 600


def _planted(mutant: Mutant, folder: Path) -> Path:
    """A copy of the controller with the fault in it."""
    copy = folder / "penstock_controller"
    shutil.copytree(Path(penstock_controller.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    file = copy / "rollout" / mutant.file
    source = file.read_text()
    assert source.count(mutant.before) == 1, f"{mutant.file} has changed: {mutant.fault} cannot be planted"
    file.write_text(source.replace(mutant.before, mutant.after))
    return folder


def _first_failure(folder: Path, files: tuple[str, ...]) -> str:
    """The first test that fails with the copy; empty: none does."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop("PENSTOCK_SEQUENCES", None)
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", "--tb=no"]
    done = subprocess.run(
        [*command, *(str(UNIT / file) for file in files)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert failed or done.returncode == 0, done.stdout + done.stderr
    return failed[0].split("::")[1].split(" - ")[0] if failed else ""


def test_a_copy_is_what_the_tests_import(tmp_path: Path) -> None:
    mutant = Mutant("none", "steps.py", "EVERYTHING = 100", "EVERYTHING = 100")
    folder = _planted(mutant, tmp_path)
    code = "import penstock_controller; print(penstock_controller.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(folder / "penstock_controller/__init__.py")


@pytest.mark.timeout(2 * _LONGEST)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.fault)
def test_a_planted_fault_is_caught(mutant: Mutant, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _planted(mutant, tmp_path)
    caught = _first_failure(folder, SCENARIOS) or _first_failure(folder, MACHINE)
    with capsys.disabled():
        print(f"\n{mutant.fault}: {caught or 'NOT CAUGHT'}")
    assert caught
