"""The one version of chart, images and packages: the workspace's, in the root `pyproject.toml`.

    python -m release.version            says it
    python -m release.version 0.2.0      writes it wherever it stands

It stands in several files since each of them is read by a tool of its own. A unit test compares them.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_FORM = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")
"""Of a version that PyPI takes as it stands. The chart's is the same but for a hyphen, which Helm asks for."""
_NUMBER = r"(\d+\.\d+\.\d+(?:-?(?:a|b|rc)\d+)?)"


class VersionError(Exception):
    """A version cannot be read or written; the message says where and why."""


@dataclass(frozen=True)
class VersionMark:
    """The version as it stands in one line of a file."""

    file: Path
    line: int
    text: str
    of_chart: bool
    """Whether it is written as Helm asks for it."""


_LINES = {
    "pyproject.toml": rf'^version = "{_NUMBER}"$',
    "contracts/src/penstock_contracts/build.py": rf'^VERSION = "{_NUMBER}"$',
    "charts/penstock/Chart.yaml": rf"^(?:version|appVersion): {_NUMBER}$",
    "services/predictor/README.md": rf"penstock/predictor:{_NUMBER}$",
}
_AS_IN_CHART = ("Chart.yaml", "README.md")
"""Files that name the chart's version, or tags of images."""
_MEMBER = rf'^version = "{_NUMBER}"$|"penstock-[a-z-]+(?:\[[a-z,-]+\])?=={_NUMBER}"'
"""Of a member's `pyproject.toml`: its own version, and what it asks of the other members."""


def members(root: Path = ROOT) -> list[str]:
    """The folders of the workspace's members."""
    return list(_workspace(root)["tool"]["uv"]["workspace"]["members"])


def read(root: Path = ROOT) -> str:
    """The workspace's version."""
    return str(_workspace(root)["project"]["version"])


def marks(root: Path = ROOT) -> Iterator[VersionMark]:
    """Each place where the version stands. Raises VersionError where a file has none."""
    for file, pattern in _places(root):
        text = file.read_text()
        found = list(pattern.finditer(text))
        if not found:
            raise VersionError(f"{file}: no version where one is expected; see release/version.py")
        for match in found:
            (number,) = (group for group in match.groups() if group)
            line = text.count("\n", 0, match.start()) + 1
            yield VersionMark(file.relative_to(root), line, number, of_chart=file.name in _AS_IN_CHART)


def write(version: str, root: Path = ROOT) -> None:
    """Write it to each place. Raises VersionError where it is not of the form that PyPI and Helm take."""
    if not _FORM.fullmatch(version):
        raise VersionError(f"{version}: not a version; write 1.2.3 or, before a release, 1.2.3rc1")
    for file, pattern in _places(root):
        new = of_chart(version) if file.name in _AS_IN_CHART else version
        text = file.read_text()
        for match in reversed(list(pattern.finditer(text))):
            text = text[: match.start()] + re.sub(_NUMBER, new, match[0]) + text[match.end() :]
        file.write_text(text)


def of_chart(version: str) -> str:
    """The version as Helm and tags of images have it: `1.2.3-rc1` for `1.2.3rc1`."""
    return re.sub(r"(?<=\d)(?=(a|b|rc)\d+$)", "-", version)


def _places(root: Path) -> list[tuple[Path, re.Pattern[str]]]:
    written = _LINES | {f"{member}/pyproject.toml": _MEMBER for member in members(root)}
    return [(root / path, re.compile(pattern, re.MULTILINE)) for path, pattern in written.items()]


def _workspace(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


def main(arguments: list[str]) -> str:
    """Say or write it. Raises VersionError."""
    if arguments:
        write(arguments[0])
    return read()


if __name__ == "__main__":
    try:
        print(main(sys.argv[1:]))
    except VersionError as error:
        sys.exit(f"version: {error}")
