"""A page as its reader follows it: its blocks in their order, as one program for bash."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from penstock_testing.code_blocks import CodeBlock, code_blocks
from penstock_testing.platform import ROOT

_LANGUAGES = ("sh", "python", "yaml")
_MARK = "== section "
_END = "end"
# What the reader starts beside what follows ends with them.
_BEGIN = "set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT"


@dataclass(frozen=True)
class PageScript:
    """Blocks with a title become files; shell blocks run; what ends only by Ctrl-C runs beside what follows."""

    page: str
    """Path from the project's root."""

    def sections(self) -> list[str]:
        """The headings that have blocks."""
        return list(dict.fromkeys(self._section(block) for block in self.blocks()))

    def text(self, *, of: list[str], replaced: Mapping[str, str]) -> str:
        """The program of some sections, with the reader's own names in place of the page's."""
        lines, last = [_BEGIN], ""
        for block in self.blocks():
            section = self._section(block)
            if section not in of:
                continue
            if section != last:
                lines.append(f'echo "{_MARK}$EPOCHREALTIME {section}"')
            last = section
            lines.append(typed(block, replaced))
        return "\n".join([*lines, f'echo "{_MARK}$EPOCHREALTIME {_END}"', ""])

    def blocks(self) -> list[CodeBlock]:
        """Those that a reader types or saves."""
        return [block for block in code_blocks(*_LANGUAGES) if block.page == self.page]

    def shown(self, beginning: str) -> str:
        """What the page says is printed, of the block that begins so."""
        (block,) = (each for each in code_blocks("text") if each.page == self.page and each.text.startswith(beginning))
        return block.text.strip()

    def _section(self, block: CodeBlock) -> str:
        above = (ROOT / self.page).read_text().splitlines()[: block.line - 1]
        return next(line.removeprefix("## ") for line in reversed(above) if line.startswith("## "))


def typed(block: CodeBlock, replaced: Mapping[str, str]) -> str:
    """One block, for bash."""
    text = block.text
    for theirs, ours in replaced.items():
        text = text.replace(theirs, ours)
    if block.title:
        return f"cat > {shlex.quote(block.title)} << 'END OF BLOCK'\n{text}END OF BLOCK"
    return re.sub(r" --watch$", " --watch > watch.log &", text.rstrip(), flags=re.MULTILINE)


def seconds_of_sections(printed: str) -> dict[str, float]:
    """How long each section took, from what the program printed."""
    marks = re.findall(rf"^{_MARK}([\d.]+) (.+)$", printed, re.MULTILINE)
    moments = [(float(moment), section) for moment, section in marks]
    lasted = ((section, after - moment) for (moment, section), (after, _) in pairwise(moments))
    return {section: round(seconds, 1) for section, seconds in lasted if section != _END}
