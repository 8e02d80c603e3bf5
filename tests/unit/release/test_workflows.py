"""What a release's workflow names is there."""

from pathlib import Path

from penstock_testing.documents import read
from penstock_testing.platform import ROOT
from release.chart import published_at
from release.members import all_members

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


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
