"""Has the drift monitor count for the gates that need it, and asks for the counts beside the passes.

A monitor that hangs or is away holds up no pass. Nothing here has to outlive the process: the monitor keeps the counts.
"""

import logging
import operator
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from penstock_controller.monitor_silence import ASKED_AT_ONCE, MonitorSilence, answer_of
from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.monitor_answer import CountsAnswer
from penstock_controller.work_queue import WorkQueue

_log = logging.getLogger(__name__)

Wish = TypeVar("Wish")
Report = TypeVar("Report")


@dataclass
class _WatchedCounts(Generic[Wish, Report]):
    """A resource that is counted for."""

    wish: Wish
    interval: float
    report: Report | None = None
    silence: MonitorSilence = field(default_factory=MonitorSilence)


class MonitorWatch(Generic[Wish, Report]):
    """Holds the monitor's last counts of one kind. Bounded by the number of attempts that run."""

    def __init__(
        self,
        ask: Callable[[ResourceKey, Wish], Awaitable[Report]] | None,
        wake: Callable[[ResourceKey], None],
        *,
        what: str,
        counts_as: Callable[[Wish, Wish], bool] = operator.eq,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask`: None: no monitor is installed. `what`: is not done while it is away. `clock`: seconds, monotonic.

        `counts_as`: whether the counts of one wish are those of another.
        """
        self._ask = ask
        self._wake = wake
        self._what = what
        self._counts_as = counts_as
        self._queue = WorkQueue(clock, workers=ASKED_AT_ONCE)
        self._counted: dict[ResourceKey, _WatchedCounts[Wish, Report]] = {}

    def follow(self, key: ResourceKey, wish: Wish | None, interval: float) -> CountsAnswer[Report]:
        """Have it asked about a resource every `interval` seconds, at once where the wish is new; what is known so far.

        `wish` None: it is not asked now.
        """
        if self._ask is None:
            return CountsAnswer(installed=False)
        if wish is None:
            self._counted.pop(key, None)
            return CountsAnswer()
        known = self._counted.get(key)
        if known is None or not self._counts_as(known.wish, wish):
            known = self._counted[key] = _WatchedCounts(wish=wish, interval=interval)
            self._queue.add(key)
        elif (known.wish, known.interval) != (wish, interval):
            # The counts go on; what a replay is to do is told at once.
            known.wish, known.interval = wish, interval
            self._queue.add(key)
        return CountsAnswer(report=known.report, away=known.silence.away)

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone, or another release brings it on."""
        self._counted.pop(key, None)

    async def run(self) -> None:
        """Ask until cancelled."""
        if self._ask is None:
            return
        await self._queue.serve(partial(self._visit, self._ask))

    async def _visit(self, ask: Callable[[ResourceKey, Wish], Awaitable[Report]], key: ResourceKey) -> float | None:
        """Ask about a resource; answers the seconds until it is asked again. None: nobody wants to know any more."""
        known = self._counted.get(key)
        if known is None:
            return None
        report, why = await answer_of(ask(key, known.wish), key)
        if (now := self._counted.get(key)) is not known:
            return None if now is None else 0.0
        if report is None:
            if known.silence.goes_on(why):
                _log.warning("%s", self._what, extra={"key": str(key), "detail": why})
                self._wake(key)
            return known.silence.again_in(known.interval)
        if known.report is None or known.silence.away:
            self._wake(key)
        known.report = report
        known.silence.ends()
        return known.interval
