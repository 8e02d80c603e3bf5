"""Workflows of GitHub's, read by actionlint, which has shellcheck read their scripts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from testcluster import go_toolchain, versions

from penstock_testing.go_programs import compiled
from penstock_testing.platform import ROOT

WORKFLOWS = sorted([*ROOT.glob(".github/workflows/*.y*ml"), *ROOT.glob("examples/*/.github/workflows/*.y*ml")])
ON_PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
FAULTY = """on: push
jobs:
  one:
    runs-on: ubuntu-24.04
    steps:
      - run: rm $FILE
      - run: echo "${{ github.refs }}"
"""


@pytest.fixture(scope="session")
def actionlint() -> Path:
    """The program of the version in tests/tools/actionlint/go.mod."""
    package = "github.com/rhysd/actionlint/cmd/actionlint"
    return compiled("tools/actionlint", package, go_toolchain.find(versions.read()))


def complaints(actionlint: Path, *workflows: Path) -> str:
    command = [str(actionlint), "-no-color", *map(str, workflows)]
    environment = os.environ | {"PATH": ON_PATH}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    return done.stdout + done.stderr


def test_actionlint_has_nothing_against_any_workflow(actionlint: Path) -> None:
    assert {"ci.yml", "ml-pipeline.yml", "release.yml"} <= {file.name for file in WORKFLOWS}
    assert complaints(actionlint, *WORKFLOWS) == ""


def test_faults_in_an_expression_and_in_a_script_would_be_found(actionlint: Path, tmp_path: Path) -> None:
    file = tmp_path / "faulty.yml"
    file.write_text(FAULTY)
    found = complaints(actionlint, file)
    assert 'property "refs" is not defined' in found
    # shellcheck's wheels are for x86-64; elsewhere it is used where it is on PATH.
    assert ("SC2086" in found) == bool(shutil.which("shellcheck", path=ON_PATH))
