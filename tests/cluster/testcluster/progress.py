"""What the user is shown: lines with the seconds since the start, never a silent minute."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from testcluster.errors import ClusterError
from testcluster.processes import contained

_START = time.monotonic()
_EVERY = 5.0  # seconds between two lines about the same thing
_TAIL = 25  # lines of a failed command's output that are shown
_GRACE = 10.0  # seconds that a command has to end when it is told to


def say(text: str) -> None:
    print(f"[{time.monotonic() - _START:6.1f} s] {text}", file=sys.stderr, flush=True)


@contextmanager
def ticking(what: str) -> Iterator[None]:
    """Says `what` at once, and every few seconds that it still goes on."""
    say(what)
    done = threading.Event()
    began = time.monotonic()

    def tick() -> None:
        while not done.wait(_EVERY):
            say(f"{what}: {time.monotonic() - began:.0f} s so far")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()


def run_logged(
    command: Sequence[str],
    log: Path,
    what: str,
    *,
    timeout: float,
    environment: dict[str, str] | None = None,
    folder: Path | None = None,
    alone: bool = False,
) -> None:
    """Runs `command` with its output in `log`; on failure the end of that output is part of the error.

    `alone`: in namespaces of its own, so that nothing that it mounts and starts outlives it. Where this process is
    asked to end, the command ends first.

    Raises:
        ClusterError: the command failed, or took longer than `timeout` seconds.

    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out, ticking(what):
        process = subprocess.Popen(
            contained(command) if alone else command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment,
            cwd=folder,
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = -1
        finally:
            _end(process, at_once=alone)  # also where this one is asked to end
    if code != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL:])
        reason = f"did not end within {timeout:.0f} s" if code == -1 else f"failed with {code}"
        raise ClusterError(f"{what} {reason}: {' '.join(command[:4])} ...; all of its output is in {log}\n{tail}")


def _end(process: subprocess.Popen[bytes], *, at_once: bool) -> None:
    """Does nothing where it has ended by itself. apt-get and its like tidy up when they are told to end."""
    process.kill() if at_once else process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
