"""Other programs that a release runs."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_TAIL = 4000  # characters of a failed program's output that are shown


class ProgramError(Exception):
    """A program failed or took too long; the message holds the command and the end of what it said."""


def run(
    *command: str | Path,
    seconds: float = 600.0,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run it; answers its standard output. Raises ProgramError."""
    return _finished(command, seconds, folder, environment).stdout


def told(*command: str | Path, seconds: float = 600.0) -> str:
    """Run it; answers all that it says, for programs that tell of their work on standard error. Raises ProgramError."""
    done = _finished(command, seconds, None, None)
    return done.stdout + done.stderr


def _finished(
    command: Sequence[str | Path], seconds: float, folder: Path | None, environment: Mapping[str, str] | None
) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except FileNotFoundError:
        raise ProgramError(f"{words[0]} is not there: install it, or put it on PATH") from None
    except subprocess.TimeoutExpired:
        raise ProgramError(f"{' '.join(words)}: no end after {seconds:g} s") from None
    if done.returncode != 0:
        raise ProgramError(f"{' '.join(words)}: exit {done.returncode}\n{(done.stdout + done.stderr)[-_TAIL:]}")
    return done
