import tomllib
from pathlib import Path

from penstock_predictor import VERSION


def test_the_package_and_its_metadata_have_one_version() -> None:
    project = Path(__file__).parents[3] / "services" / "predictor" / "pyproject.toml"
    assert tomllib.loads(project.read_text())["project"]["version"] == VERSION
