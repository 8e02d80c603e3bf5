"""Load on a server, from the other core: wrk for closed loops, Vegeta for the open one."""

import csv
import json
import math
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.serving.measured import Measured
from bench.serving.places import HERE, kept
from bench.serving.process import pinned
from bench.serving.wires import SentBody

TIMEOUT_SECONDS = 10
"""Of one request."""
OPENING_SECONDS = 1
"""Of the open loop, not counted: its connections are made."""
MOST_LATE = 10.0
"""Milliseconds."""
MOST_WAITING = 2000
"""Requests of the open loop at once."""


@dataclass(frozen=True, kw_only=True)
class LoadTarget:
    """Where the load goes and what it sends, in turns."""

    url: str
    bodies: Sequence[SentBody]
    folder: Path
    """For the bodies' files."""

    @property
    def headers(self) -> list[str]:
        """As `Name: value`; every body has the same."""
        return [f"{name}: {value}" for name, value in self.bodies[0].headers.items()]

    def files(self) -> list[str]:
        """Write the bodies."""
        self.folder.mkdir(parents=True, exist_ok=True)
        files = [self.folder / f"body-{number}" for number in range(len(self.bodies))]
        for file, body in zip(files, self.bodies, strict=True):
            file.write_bytes(body.content)
        return [str(file) for file in files]


def closed_loop(target: LoadTarget, connections: int, seconds: int, core: int) -> Measured:
    """Each connection sends its next request when it has the last one's answer."""
    options = ["-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
    script = ["-s", str(HERE / "post.lua"), target.url, "--", *target.headers, "--", *target.files()]
    found = json.loads(_run(core, [wrk(), *options, *script], seconds).splitlines()[-1])
    errors = {kind: found[kind] for kind in ("connect", "read", "write", "status", "timeout") if found[kind]}
    problems = [f"{count} errors: {kind}" for kind, count in errors.items()]
    return Measured(
        requests=found["requests"],
        seconds=found["microseconds"] / 1e6,
        p50=found["p50"] / 1000,
        p99=found["p99"] / 1000,
        problems=tuple(problems) if found["requests"] else (*problems, "no request was answered"),
    )


def open_loop(target: LoadTarget, rate: int, seconds: int, core: int) -> Measured:
    """So many requests a second, whatever became of the ones before: none waits for another's answer or connection.

    They are timed from when they were sent. Go's timers are up to a millisecond late, which is the load's own time; a
    run whose load was later than that does not count.
    """
    wanted, results = target.folder / "targets", target.folder / "results"
    head = "\n".join([f"POST {target.url}", *target.headers])
    wanted.write_text("\n\n".join(f"{head}\n@{file}" for file in target.files()) + "\n")
    whole = seconds + OPENING_SECONDS
    options = [f"-rate={rate}/1s", f"-duration={whole}s", f"-timeout={TIMEOUT_SECONDS}s", "-format=http"]
    files = [f"-targets={wanted}", f"-max-workers={MOST_WAITING}", f"-output={results}"]
    _run(core, [vegeta(), "attack", *options, *files], whole)
    rows = list(csv.reader(_run(core, [vegeta(), "encode", "-to", "csv", str(results)], whole).splitlines()))
    return _from_rows(rows, rate, seconds)


def _from_rows(rows: Sequence[Sequence[str]], rate: int, seconds: int) -> Measured:
    """Of Vegeta's columns: start in ns, code, ns taken; the sixth is the error, the ninth the request's number."""
    counted = [row for row in rows if int(row[8]) >= OPENING_SECONDS * rate]
    taken = sorted(int(row[2]) / 1e6 for row in counted)
    failed = [f"code {row[1]} {row[5]}".strip() for row in rows if row[1] != "200"]
    problems = [f"{failed.count(one)} times {one}" for one in sorted(set(failed))]
    if len(rows) < rate * (seconds + OPENING_SECONDS) * 0.99:
        problems.append(f"only {len(rows)} requests could be sent")
    if (late := _lateness(rows, rate)) > MOST_LATE:
        problems.append(f"the load was late by {late:.1f} ms: something else used its core")
    return Measured(
        requests=len(counted),
        seconds=seconds,
        p50=_share(taken, 0.5),
        p99=_share(taken, 0.99),
        problems=tuple(problems),
    )


def _lateness(rows: Sequence[Sequence[str]], rate: int) -> float:
    """Return the 99th percentile of how late requests were sent, in milliseconds."""
    late = [int(row[0]) / 1e6 - int(row[8]) * 1000 / rate for row in rows]
    return _share(sorted(one - min(late) for one in late), 0.99)


def _share(ranked: Sequence[float], share: float) -> float:
    return ranked[min(len(ranked) - 1, math.ceil(share * len(ranked)) - 1)]


def _run(core: int, command: Sequence[str], seconds: float) -> str:
    limit = seconds + 3 * TIMEOUT_SECONDS
    done = subprocess.run(pinned(core, command), check=False, capture_output=True, text=True, timeout=limit)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def wrk() -> str:
    """Return the program; raises RuntimeError."""
    if (program := shutil.which("wrk")) is None:
        raise RuntimeError("wrk is not on PATH; on Debian: apt-get install wrk")
    return program


def vegeta() -> str:
    """Return the program, built from the modules that vegeta/go.sum names where it is not there yet."""
    sources = HERE / "vegeta"

    def make(there: Path) -> None:
        if (go := shutil.which("go")) is None:
            raise RuntimeError("go, 1.26 or newer, is not on PATH: it builds Vegeta, which makes the open loop's load")
        build = [go, "build", "-mod=readonly", "-o", str(there / "vegeta"), "github.com/tsenart/vegeta/v12"]
        subprocess.run(build, cwd=sources, check=True, timeout=600)  # noqa: S603

    return str(kept("vegeta", (sources / "go.sum").read_bytes(), make) / "vegeta")
