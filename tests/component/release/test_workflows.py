"""The workflows are what GitHub reads: actionlint knows its schema, its expressions and the inputs of actions."""

import subprocess
from pathlib import Path

import pytest

from penstock_testing.documents import read
from penstock_testing.go_programs import compiled
from penstock_testing.platform import ROOT
from release.chart import published_at
from release.members import all_members

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def actionlint(go: Path) -> Path:
    return compiled("tools/actionlint", "github.com/rhysd/actionlint/cmd/actionlint", go)


def complaints(actionlint: Path, *files: Path) -> str:
    command = [str(actionlint), "-shellcheck=", "-pyflakes=", *(str(file) for file in files)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False).stdout


def test_actionlint_finds_nothing_to_complain_of(actionlint: Path) -> None:
    assert complaints(actionlint, *WORKFLOWS) == ""


def test_a_job_that_waits_for_none_would_be_found(actionlint: Path, tmp_path: Path) -> None:
    file = tmp_path / "release.yml"
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    file.write_text(text.replace("needs: registry", "needs: registries"))
    assert "registries" in complaints(actionlint, file)


def test_a_release_pushes_to_where_the_charts_defaults_pull_from() -> None:
    workflow = read((ROOT / ".github" / "workflows" / "release.yml").read_text())
    assert workflow["env"]["REGISTRY"] == "ghcr.io/${{ github.repository_owner }}"
    owner = all_members()[0].source.removeprefix("https://github.com/").partition("/")[0]
    assert published_at() == f"ghcr.io/{owner}"


def test_every_target_that_a_workflow_calls_is_there() -> None:
    targets = {line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if ": " in line}
    called = [word for file in WORKFLOWS for word in _called(file)]
    assert {"image-lists", "chart", "sign", "wheels", "check"} <= set(called)
    assert [word for word in called if word not in targets] == []


def _called(file: Path) -> list[str]:
    steps = [step for job in read(file.read_text())["jobs"].values() for step in job["steps"]]
    lines = [line.strip() for step in steps for line in str(step.get("run", "")).splitlines()]
    return [line.split()[1] for line in lines if line.startswith("make ")]
