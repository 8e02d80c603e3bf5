"""Links between the project's Markdown pages lead to files and headings that are there."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_testing.platform import ROOT

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")


def pages() -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    return [path for name in listed if (path := ROOT / name).exists()]


def links(page: Path) -> Iterator[str]:
    """The links of a page to places in the repository; examples of code have none."""
    text = _CODE.sub("", _FENCE.sub("", page.read_text()))
    yield from (link for link in _LINK.findall(text) if ":" not in link)


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub names them in links."""
    text = _FENCE.sub("", page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}


def is_broken(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return not target.exists() or bool(anchor and anchor not in anchors(target))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    assert [link for link in links(page) if is_broken(page, link)] == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Its `name`, and more\n")
    assert not is_broken(page, "#its-name-and-more")
    assert is_broken(page, "#another")
    assert is_broken(page, "gone.md")
