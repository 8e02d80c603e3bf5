"""The commands, YAML and JSON that the project's pages tell a reader to write."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from penstock_testing.platform import ROOT

_FENCE = re.compile(r"^( *)```(\w*)(?: title=\"([^\"\n]+)\")?\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class CodeBlock:
    """A fenced block of a Markdown page."""

    page: str
    """Path from the project's root."""
    line: int
    language: str
    text: str
    title: str
    """The file that the page has the reader save it as; empty: none."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every Markdown page that git knows, but for the generated reference and the records of decisions."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    return [ROOT / name for name in listed if not name.startswith(("docs/reference/", "docs/decisions/"))]


def code_blocks(*languages: str) -> list[CodeBlock]:
    """All blocks in these languages, page by page."""
    return [block for page in pages() for block in _blocks(page) if block.language in languages]


def commands() -> Iterator[tuple[CodeBlock, str]]:
    """Each command of the shell blocks, without comments; a line that ends in a backslash goes on in the next."""
    for block in code_blocks("sh"):
        text = re.sub(r"\\\n\s*", "", block.text)
        for line in text.splitlines():
            command = re.sub(r"(^|\s)#.*$", "", line).strip()
            if command:
                yield block, command


def _blocks(page: Path) -> Iterator[CodeBlock]:
    text = page.read_text()
    for found in _FENCE.finditer(text):
        yield CodeBlock(
            page=str(page.relative_to(ROOT)),
            line=text.count("\n", 0, found.start()) + 1,
            language=found.group(2),
            text=found.group(4),
            title=found.group(3) or "",
        )
