"""What goes to PyPI: whole, of one kind, and installed together by pip on a machine that has no clone."""

import email
import re
import tarfile
import zipfile
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest

from penstock_testing.clean_machine import CleanMachine, wheelhouse
from penstock_testing.platform import ROOT
from release.distributions import build_all
from release.members import all_members
from release.version import read

pytestmark = pytest.mark.timeout(1800)
PUBLISHED = {member.name: member for member in all_members() if member.is_published}
EACH = pytest.mark.parametrize("name", PUBLISHED)


def wheel(distributions: Path, name: str) -> Path:
    return distributions / f"{name.replace('-', '_')}-{read()}-py3-none-any.whl"


def metadata(file: Path) -> Message:
    with zipfile.ZipFile(file) as archive:
        (entry,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(entry))


def contents(file: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file in a distribution."""
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())
    else:
        with tarfile.open(file) as packed:
            for entry in packed.getmembers():
                if (opened := packed.extractfile(entry)) is not None:
                    yield entry.name, opened.read()


def test_each_published_member_is_there_as_sources_and_as_a_wheel_and_nothing_else_is(distributions: Path) -> None:
    expected = {f"{name.replace('-', '_')}-{read()}" for name in PUBLISHED}
    files = {file.name for file in distributions.iterdir()}
    assert files == {f"{stem}{end}" for stem in expected for end in (".tar.gz", "-py3-none-any.whl")}


@EACH
def test_a_wheel_says_what_it_is_and_where_it_comes_from(distributions: Path, name: str) -> None:
    told = metadata(wheel(distributions, name))
    project = PUBLISHED[name].project
    assert (told["Name"], told["Version"], told["Summary"]) == (name, read(), project["description"])
    assert (told["License-Expression"], told["License-File"]) == ("Apache-2.0", "LICENSE")
    assert told["Description-Content-Type"] == "text/markdown"
    assert told.get_all("Project-URL") == [f"{label}, {address}" for label, address in project["urls"].items()]
    assert told.get_all("Classifier") == sorted(project["classifiers"])


@EACH
def test_the_page_on_pypi_has_no_link_that_leads_nowhere(distributions: Path, name: str) -> None:
    page = str(metadata(wheel(distributions, name)).get_payload())
    links = re.findall(r"\]\(([^)\s]+)\)", page)
    assert [link for link in links if not link.startswith(("https://", "http://", "#"))] == []
    source = PUBLISHED[name].source
    inside = [link for link in links if link.startswith(f"{source}/blob/v{read()}/")]
    paths = [link.removeprefix(f"{source}/blob/v{read()}/").partition("#")[0] for link in inside]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@EACH
def test_nothing_of_the_machine_that_built_it_is_in_it(distributions: Path, name: str) -> None:
    files = [file for file in distributions.iterdir() if file.name.startswith(f"{name.replace('-', '_')}-")]
    places = [str(place).encode() for place in (ROOT, Path.home(), distributions)]
    found = [(file.name, entry) for file in files for entry, data in contents(file) if any(p in data for p in places)]
    assert found == []


@EACH
def test_a_wheel_holds_its_own_package_and_what_it_needs_beside_code(distributions: Path, name: str) -> None:
    entries = {entry for entry, _ in contents(wheel(distributions, name)) if ".dist-info/" not in entry}
    (package,) = {entry.partition("/")[0] for entry in entries}
    sources = PUBLISHED[name].folder / "src" / package
    kept = {file for file in sources.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    assert entries == {f"{package}/{file.relative_to(sources)}" for file in kept}


def test_who_builds_again_gets_the_same_bytes(distributions: Path, tmp_path: Path) -> None:
    again = build_all(tmp_path / "again")
    assert [file.name for file in again if file.read_bytes() != (distributions / file.name).read_bytes()] == []


def test_all_install_together_from_a_folder_and_run(distributions: Path, machine: CleanMachine) -> None:
    # What they ask for of others is as it was locked and tested; ours come from the folder alone.
    machine.install(*PUBLISHED, folders=(distributions, wheelhouse("cli", "model-store", "predictor", "sdk")))
    assert machine.run("pip", "check").strip() == "No broken requirements found."
    assert machine.run("kubectl-penstock", "--version").strip() == f"kubectl penstock, version {read()}"
    assert "--model" in machine.run("penstock-predictor", "serve", "--help")
    assert "convert" in machine.run("penstock", "--help")
    modules = (
        "import penstock_cli, penstock_contracts, penstock_json_logs, penstock_predictor.http as m; print(m.__path__)"
    )
    assert str(machine.folder) in machine.run("python", "-c", modules)


def test_the_clone_is_out_of_a_clean_machines_reach(machine: CleanMachine) -> None:
    assert machine.run("ls", "-A", ROOT) == ""
    assert (ROOT / "pyproject.toml").exists()
