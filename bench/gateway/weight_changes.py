# ruff: noqa: INP001, T201
"""From the write of a new weight to its effect."""

import asyncio
import os
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from bench.gateway.spread import Spread, milliseconds
from bench.gateway.stand import CANDIDATE, CHANGED, OTHER, RATE, STABLE, WAIT_SECONDS, Stand, split
from penstock_testing.traffic_result import TrafficResult, percentile

CHANGES = int(os.environ.get("CHANGES", "100"))
HOLD_SECONDS = 0.25
"""From one change of the weight to the next one, at least."""
INCLUDES = (
    "the watch's event over loopback HTTP, 10 ms in which the agent waits for more changes, the routes' file and "
    "Envoy's word that it runs on it; not the API server's own write"
)


@dataclass(frozen=True, kw_only=True)
class Change:
    """All users from one revision to the other."""

    old: str
    written: float
    """Unix time at which the write is handed to the watch."""
    confirmed: float
    """Unix time at which the agent saw Envoy confirm it."""

    @property
    def seconds(self) -> float:
        """From the write to the confirmation."""
        return self.confirmed - self.written

    def last_by_old(self, result: TrafficResult, until: float) -> float:
        """Return the seconds from the confirmation to the sending of the last request of the old split."""
        times = result.sent_times[self.old]
        return times[bisect_left(times, until) - 1] - self.confirmed

    def late(self, result: TrafficResult, until: float) -> int:
        """Count the requests sent after the confirmation and answered as before."""
        return result.by_version_between(self.confirmed, until).get(self.old, 0)


async def flip(stand: Stand, number: int) -> Change:
    """0/100 or 100/0. Nobody asks the agent while it works.

    Neither revision is the one that rescues: an answer of the old one comes by the old weights and by nothing else.
    """
    old, new = (CANDIDATE, OTHER) if number % 2 == 0 else (OTHER, CANDIDATE)
    written = time.time()
    stand.write(CHANGED, split(number, **{STABLE: 0, CANDIDATE: 0, OTHER: 0, new: 100}))
    await asyncio.sleep(HOLD_SECONDS)
    applied = await stand.agent.confirmed(CHANGED, number)
    return Change(old=old, written=written, confirmed=applied.applied_at)


async def change_weights(stand: Stand) -> tuple[Sequence[Change], TrafficResult]:
    """Every change, and what users got meanwhile."""
    stand.forget()
    limit = CHANGES * (HOLD_SECONDS + 1) + WAIT_SECONDS
    with ExitStack() as stack:
        run = await asyncio.to_thread(stack.enter_context, stand.traffic(CHANGED, limit))
        await asyncio.sleep(1)
        changes = [await flip(stand, number) for number in range(2, CHANGES + 2)]
        return changes, await asyncio.to_thread(run.result)


def told_of_changes(changes: Sequence[Change], result: TrafficResult) -> Mapping[str, Any]:
    """Print the lines; return their figures."""
    ends = [*(change.written for change in changes[1:]), time.time()]
    taken = sorted(milliseconds(change.seconds) for change in changes)
    last = [milliseconds(change.last_by_old(result, end)) for change, end in zip(changes, ends, strict=True)]
    late = [change.late(result, end) for change, end in zip(changes, ends, strict=True)]
    held = sorted(round(milliseconds(change.seconds) + each, 3) for change, each in zip(changes, last, strict=True))
    facts = {
        "changes": len(changes),
        "includes": INCLUDES,
        "write_to_confirmed_ms": _percentiles(taken),
        "write_to_last_by_old_ms": _percentiles(held),
        "confirmed_to_last_by_old_ms": asdict(Spread.of(last)),
        "late_requests": sum(late),
        "late_requests_by_change": {f"{place}": count for place, count in enumerate(late, 1) if count},
        "requests": result.sent,
        "rescued": result.by_version.get(STABLE, 0),
        "failed": result.failed_by_reason,
        "doubts": result.invalid,
    }
    print(
        f"\n{len(changes)} changes between 0/100 and 100/0 under {RATE:.0f} requests a second, {result.failed} failed"
    )
    print(f"write to confirmation, ms: {facts['write_to_confirmed_ms']}")
    print(f"it includes {INCLUDES}")
    print(f"write to the sending of the last request answered by the old split, ms: {facts['write_to_last_by_old_ms']}")
    print(f"confirmation to the sending of the last request answered by the old split, ms: {Spread.of(last)}")
    late_changes = sum(map(bool, late))
    print(f"requests sent after the confirmation, answered by the old split: {sum(late)} of {result.sent}", end="")
    print(f", in {late_changes} of {len(changes)} changes; rescued: {facts['rescued']}")
    return facts


def _percentiles(ranked: Sequence[float]) -> Mapping[str, float | None]:
    return {"p50": percentile(ranked, 50), "p99": percentile(ranked, 99), "worst": ranked[-1]}
