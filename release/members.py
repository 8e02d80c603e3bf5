"""The workspace's members as packages: their names, which are published, and what they ask of each other."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.version import ROOT, members

_PRIVATE = "Private :: Do Not Upload"
"""A classifier: PyPI refuses what has it, whoever tries."""


@dataclass(frozen=True)
class WorkspaceMember:
    """One member, as its `pyproject.toml` tells."""

    folder: Path
    project: dict[str, Any]

    @property
    def name(self) -> str:
        """Of the distribution."""
        return str(self.project["name"])

    @property
    def is_published(self) -> bool:
        """Whether it goes to PyPI."""
        return _PRIVATE not in self.project.get("classifiers", [])

    @property
    def source(self) -> str:
        """Address of the repository."""
        return str(self.project["urls"]["Source"])

    def required(self) -> dict[str, str]:
        """What it asks for, extras included: names, and what follows these."""
        asked = [*self.project["dependencies"]]
        asked += [each for extra in self.project.get("optional-dependencies", {}).values() for each in extra]
        named = (re.fullmatch(r"([A-Za-z0-9._-]+)(.*)", each) for each in asked)
        return {match[1]: match[2] for match in named if match}


def all_members(root: Path = ROOT) -> list[WorkspaceMember]:
    """In the workspace's order."""
    return [WorkspaceMember(root / folder, _project(root / folder)) for folder in members(root)]


def _project(folder: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return project
