import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from testcluster import go_toolchain, versions

from penstock_testing.clean_machine import CleanMachine
from penstock_testing.oci_registry import OciRegistry
from release.distributions import build_all


@pytest.fixture(scope="session")
def go() -> Path:
    return go_toolchain.find(versions.read())


@pytest.fixture(scope="session")
def uv() -> Path:
    """The one that `make` installs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penstock"
    return cache / "uv" / versions.read().uv / "bin" / "uv"


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all that goes to PyPI, but for compiled wheels."""
    there = tmp_path_factory.mktemp("dist")
    build_all(there)
    return there


@pytest.fixture
def machine(tmp_path: Path) -> CleanMachine:
    folder = tmp_path / "machine"
    folder.mkdir()
    return CleanMachine(folder)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OciRegistry]:
    with OciRegistry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry
