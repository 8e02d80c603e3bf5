"""What goes to PyPI says what it is, and asks for nothing that is not there."""

from pathlib import Path

import pytest

from penstock_testing.chart import CHART
from penstock_testing.documents import read
from release.members import WorkspaceMember, all_members

MEMBERS = {member.name: member for member in all_members()}
PUBLISHED = {name: member for name, member in MEMBERS.items() if member.is_published}
EACH = pytest.mark.parametrize("member", PUBLISHED.values(), ids=PUBLISHED.keys())
LICENCE = "Apache-2.0"


def test_what_users_install_is_published_and_what_images_alone_run_is_not() -> None:
    assert {"penstock-cli", "penstock-predictor", "penstock-sdk"} <= PUBLISHED.keys()
    assert not {"penstock-controller", "penstock-gateway", "penstock-testing"} & PUBLISHED.keys()


@EACH
def test_a_published_member_asks_for_published_members_only(member: WorkspaceMember) -> None:
    names = {name.partition("[")[0] for name in member.required()}
    assert names & MEMBERS.keys() <= PUBLISHED.keys()


@EACH
def test_a_published_member_says_what_it_is(member: WorkspaceMember) -> None:
    project = member.project
    assert project["license"] == LICENCE
    assert project["readme"] == "README.md"
    assert len((member.folder / "README.md").read_text().splitlines()) > 4
    assert 20 < len(project["description"]) < 120
    assert project["authors"]
    assert project["keywords"]
    assert {"Programming Language :: Python :: 3.11", "Typing :: Typed"} <= set(project["classifiers"])
    assert list((member.folder / "src").glob("*/py.typed"))


@pytest.mark.parametrize("name", ["penstock-contracts", "penstock-json-logs", "penstock-model-store"])
def test_what_is_not_for_users_says_so_in_its_description(name: str) -> None:
    assert "not meant to be used alone" in PUBLISHED[name].project["description"]


def test_all_point_to_the_same_places_and_the_chart_to_those_too() -> None:
    (urls,) = {tuple(sorted(member.project["urls"].items())) for member in PUBLISHED.values()}
    assert {name for name, _ in urls} == {"Changelog", "Documentation", "Issues", "Source"}
    assert all(address.startswith("https://") for _, address in urls)
    chart = read((CHART / "Chart.yaml").read_text())
    assert (chart["sources"], chart["home"]) == ([dict(urls)["Source"]], dict(urls)["Documentation"])


def test_a_private_member_is_one_that_pypi_refuses(tmp_path: Path) -> None:
    def published(*classifiers: str) -> bool:
        return WorkspaceMember(tmp_path, {"name": "x", "classifiers": classifiers}).is_published

    assert published()
    assert not published("Private :: Do Not Upload")
