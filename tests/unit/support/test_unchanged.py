from pathlib import Path

import pytest

from penstock_testing.unchanged import ROOT, TOOLS, Tools


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_another_file_among_what_they_look_at_is_another_stamp() -> None:
    tests = ROOT / "tests/unit/support"
    few = Tools(tests, (ROOT / "Makefile",))
    more = Tools(tests, (ROOT / "Makefile", ROOT / "LICENSE"))
    assert few.stamp() != more.stamp()
    assert few.stamp() == Tools(tests, (ROOT / "Makefile",)).stamp()


def test_each_looks_at_its_own_tests_and_at_files_that_there_are() -> None:
    for tools in TOOLS:
        assert tools.tests in tools.inputs
        assert [path for path in tools.inputs if not path.exists()] == []


def test_a_stamp_is_named_after_its_tests() -> None:
    names = [tools.stamp().name.rpartition("-")[0] for tools in TOOLS]
    assert names == ["unit-support", "component-support", "unit-cluster", "component-release", "component-cluster"]
