"""Chart, images and packages have one version."""

import shutil
from pathlib import Path

import pytest

from penstock_contracts.build import VERSION
from release import version
from release.members import all_members
from release.version import ROOT, VersionError, marks, of_chart, read, write


def test_the_version_is_the_same_wherever_it_stands() -> None:
    differing = [mark for mark in marks() if mark.text != (of_chart(read()) if mark.of_chart else read())]
    assert differing == []
    assert read() == VERSION


def test_every_member_asks_for_other_members_in_its_own_version() -> None:
    members = all_members()
    names = {member.name for member in members}
    asked = {
        (member.name, name): bound
        for member in members
        for name, bound in member.required().items()
        if name.partition("[")[0] in names
    }
    assert asked
    assert asked == dict.fromkeys(asked, f"=={read()}")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files where the version stands."""
    for file in {mark.file for mark in marks()}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, tmp_path / file)
    return tmp_path


@pytest.mark.parametrize(("number", "of_the_chart"), [("1.20.3", "1.20.3"), ("2.0.0rc1", "2.0.0-rc1")])
def test_a_new_version_is_written_everywhere_and_again_over_itself(copy: Path, number: str, of_the_chart: str) -> None:
    before = list(marks(copy))
    for _ in range(2):
        write(number, copy)
        assert read(copy) == number
        after = list(marks(copy))
        assert [(mark.file, mark.line) for mark in after] == [(mark.file, mark.line) for mark in before]
        chart = {mark.text for mark in after if mark.of_chart}
        others = {mark.text for mark in after if not mark.of_chart}
        assert (chart, others) == ({of_the_chart}, {number})


@pytest.mark.parametrize("number", ["1.2", "v1.2.3", "1.2.3-rc1", "1.2.3.dev1", "next"])
def test_what_pypi_or_helm_would_not_take_is_refused_and_nothing_written(copy: Path, number: str) -> None:
    with pytest.raises(VersionError, match=r"not a version; write 1\.2\.3"):
        write(number, copy)
    assert read(copy) == version.read()


def test_a_file_that_has_lost_its_version_is_named(copy: Path) -> None:
    chart = copy / "charts" / "penstock" / "Chart.yaml"
    chart.write_text("name: penstock\n")
    with pytest.raises(VersionError, match=r"Chart\.yaml: no version"):
        list(marks(copy))
