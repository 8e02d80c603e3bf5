"""Every page that names where something is published names the place that is published to."""

import re
import subprocess
from pathlib import Path

import pytest

from penstock_testing.documents import read
from penstock_testing.platform import ROOT
from release.chart import published_at
from release.members import all_members

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
KINDS = {"markdown", "input", "textarea", "dropdown", "checkboxes"}


def texts() -> dict[Path, str]:
    """What a person reads, or a tool that people use."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md", "*.yml", "*.yaml", "*.toml"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    return {Path(name): (ROOT / name).read_text() for name in listed if (ROOT / name).exists()}


def test_images_and_chart_have_the_address_that_the_charts_defaults_have() -> None:
    named = {(str(path), found) for path, text in texts().items() for found in re.findall(r"ghcr\.io/[\w-]+", text)}
    assert named
    assert [(path, address) for path, address in named if address != published_at()] == []


def test_the_repository_has_one_address() -> None:
    source = all_members()[0].source
    owner, _, name = source.removeprefix("https://github.com/").partition("/")
    pattern = re.compile(rf"github\.com/([\w-]+/{name})\b|github\.com/({owner}/[\w.-]+)|([\w-]+)\.github\.io/{name}\b")
    found = {group for text in texts().values() for match in pattern.findall(text) for group in match if group}
    assert found == {f"{owner}/{name}", owner}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_form_for_issues_is_one_that_github_shows(form: Path) -> None:
    told = read(form.read_text())
    assert {"name", "description", "body"} <= told.keys() <= {"name", "description", "body", "labels", "title"}
    assert {item["type"] for item in told["body"]} <= KINDS
    asked = [item for item in told["body"] if item["type"] != "markdown"]
    assert len({item["id"] for item in asked}) == len(asked)
    assert all(item["attributes"]["label"] for item in asked)
