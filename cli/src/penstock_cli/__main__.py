"""`kubectl-penstock`."""

import signal
import sys
from types import FrameType

from penstock_cli.program import run

_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""A terminal that is closed sends the second; Windows has none."""


def main() -> None:
    """Run the command line of this process."""
    # The client keeps the user's key in a temporary file and removes it at the process's own end.
    for number in _ENDING:
        signal.signal(number, _end)
    sys.exit(run(sys.argv[1:]))


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
