"""`kubectl_complete-penstock`: what kubectl's own completion asks when `kubectl penstock` is typed.

It gets the words after `penstock`, the last of them unfinished, and answers as cobra does: a proposal a line, a tab and
its help, and a last line with what the shell may do beside.
"""

import sys
from collections.abc import Iterator, Sequence

from click.shell_completion import CompletionItem, ShellComplete

from penstock_cli.program import COMPLETE, EXECUTABLE, program

_NO_FILES, _FILES = ":4", ":0"


def completion_lines(words: Sequence[str]) -> Iterator[str]:
    """The lines that kubectl reads."""
    *before, prefix = words or [""]
    found = ShellComplete(program, {}, EXECUTABLE, COMPLETE).get_completions(list(before), prefix)
    plain = [each for each in found if each.type == "plain"]
    yield from (_line(each) for each in plain)
    yield _NO_FILES if plain or not found else _FILES


def _line(item: CompletionItem[str]) -> str:
    return f"{item.value}\t{item.help}" if item.help else item.value


def main() -> None:
    """Answer kubectl."""
    for line in completion_lines(sys.argv[1:]):
        sys.stdout.write(f"{line}\n")
