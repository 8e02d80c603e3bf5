"""A traffic run in a process of its own: nothing that a test computes disturbs the driver's clock.

Alone: `python -m penstock_testing.traffic --config plan.json` (a TrafficPlan); it ends by its schedule or by SIGTERM.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from penstock_testing.driver import Driver
from penstock_testing.plan import TrafficPlan
from penstock_testing.record import Stamp
from penstock_testing.recording import RecordingReader, RecordingWriter
from penstock_testing.tally import Attribution, Progress, Tally
from penstock_testing.traffic_result import Mark, TrafficResult

GRACE_SECONDS = 10.0
"""For the driver's process to start, and to write its last line after the last deadline."""


class TrafficError(RuntimeError):
    """The driver's process could not be started or died; the message holds what it wrote to stderr."""


class TrafficRun:
    """Start, mark what you do to the system, stop, read the result. Leaving the context ends the process."""

    def __init__(
        self,
        plan: TrafficPlan,
        attribution: Attribution,
        *,
        launcher: Sequence[str] = (),
    ) -> None:
        """`launcher`: a command to run the driver under, such as one that enters a network namespace."""
        self.plan = plan
        self._launcher = tuple(launcher)
        self._tally = Tally(attribution, deadline_seconds=plan.deadline_seconds)
        self._marks: list[Mark] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: RecordingReader | None = None

    def start(self) -> Self:
        """Return when the first request is about to be due. Raises TrafficError, ValueError for a bad schedule."""
        self.plan.schedule()
        folder = self.plan.recording.parent
        folder.mkdir(parents=True, exist_ok=True)
        config = self.plan.recording.with_suffix(".plan.json")
        config.write_text(self.plan.model_dump_json())
        self.plan.recording.write_text("")
        command = [*self._launcher, sys.executable, "-m", __name__, "--config", str(config), "--stop-at-end-of-input"]
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=errors, stderr=errors)
        self._reader = RecordingReader(self.plan.recording)
        self._wait_for_start()
        return self

    def mark(self, label: str) -> Mark:
        """Remember this moment under a name, for the result."""
        mark = Mark(label=label, at=Stamp(time.monotonic(), time.time()))
        self._marks.append(mark)
        return mark

    def progress(self) -> Progress:
        """Counts so far, not older than the driver's last flush (0.2 s)."""
        self._read()
        return self._tally.progress()

    def stop(self) -> None:
        """Send nothing more and return at once; what is in flight runs to its answer or its deadline."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def wait(self) -> TrafficResult:
        """Let the schedule run to its end, then answer the result."""
        plan = self.plan
        return self._finish(plan.seconds + plan.deadline_seconds + GRACE_SECONDS)

    def result(self) -> TrafficResult:
        """Stop, wait for what is in flight, and answer the result."""
        self.stop()
        return self._finish(self.plan.deadline_seconds + GRACE_SECONDS)

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *exception: object) -> None:
        """End the process, also after an error."""
        self.stop()
        if self._process is not None and self._process.poll() is None:
            self._end_process(self.plan.deadline_seconds + GRACE_SECONDS)
        if self._reader is not None:
            self._reader.close()

    @property
    def process_id(self) -> int | None:
        """Of the driver; None before the start."""
        return None if self._process is None else self._process.pid

    @property
    def _errors(self) -> Path:
        return self.plan.recording.with_suffix(".stderr")

    def _finish(self, seconds: float) -> TrafficResult:
        if self._process is None:
            raise TrafficError("the traffic run was never started")
        self._end_process(seconds)
        self._read()
        invalid = [] if self._tally.ended is not None else [f"the driver did not end by itself: {self._last_words()}"]
        return self._tally.result(marks=tuple(self._marks), invalid=tuple(invalid))

    def _end_process(self, seconds: float) -> None:
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.stop()

    def _wait_for_start(self) -> None:
        assert self._process is not None
        end = time.monotonic() + self.plan.warm_up_seconds + GRACE_SECONDS
        while self._tally.started is None:
            if self._process.poll() is not None or time.monotonic() > end:
                self._process.kill()
                raise TrafficError(f"the traffic driver did not start: {self._last_words()}")
            time.sleep(0.02)
            self._read()

    def _read(self) -> None:
        if self._reader is not None:
            for entry in self._reader.entries():
                self._tally.add(entry)

    def _last_words(self) -> str:
        words = self._errors.read_text(errors="replace")[-2000:].strip()
        return words or "it wrote nothing to stderr"


async def drive(plan: TrafficPlan, *, stop_at_end_of_input: bool) -> None:
    """Run a plan to its end, or until a signal or the end of standard input stops it."""
    loop = asyncio.get_running_loop()
    with plan.recording.open("w", encoding="utf-8") as file:
        driver = Driver(plan, RecordingWriter(file))
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, driver.stop)
        if stop_at_end_of_input:
            # The parent never writes: readable means that it closed the pipe, or is gone.
            loop.add_reader(sys.stdin, _stop_once, loop, driver)
        gc.freeze()
        await driver.run()


def _stop_once(loop: asyncio.AbstractEventLoop, driver: Driver) -> None:
    loop.remove_reader(sys.stdin)
    driver.stop()


def main() -> None:
    """Read the plan and drive."""
    arguments = argparse.ArgumentParser(prog="python -m penstock_testing.traffic", description=__doc__)
    arguments.add_argument("--config", type=Path, required=True, help="a TrafficPlan as JSON")
    arguments.add_argument("--stop-at-end-of-input", action="store_true", help="stop when standard input is closed")
    given = arguments.parse_args()
    plan = TrafficPlan.model_validate_json(given.config.read_text())
    with contextlib.suppress(PermissionError):
        # It stands for other people's machines: where it may, it runs whenever it has work, before what it measures.
        # A nice value is not enough: the test cluster's pods are one group, which weighs as much as a nice process.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    asyncio.run(drive(plan, stop_at_end_of_input=given.stop_at_end_of_input))


if __name__ == "__main__":
    main()
