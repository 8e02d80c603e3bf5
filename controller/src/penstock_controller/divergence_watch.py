"""Has the drift monitor compare predictions while a gate needs it, and asks for the counts beside the passes.

A monitor that hangs or is away holds up no pass. Nothing here has to outlive the process: the monitor keeps the counts.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from penstock_contracts.divergence import DivergenceReport, DivergenceWish
from penstock_controller import backoff
from penstock_controller.errors import MonitorAway
from penstock_controller.ports import PairCounter, ResourceKey
from penstock_controller.rollout.paired_outputs import DivergenceAnswer
from penstock_controller.work_queue import WorkQueue

_log = logging.getLogger(__name__)
_ASKED_AT_ONCE = 16
"""Resources; one for which the monitor hangs has one of these places until its time is over."""
_AWAY_AFTER = 3
"""Asked so often in a row without an answer, the monitor is away: one lost answer is no news."""
_FIRST_AGAIN = 1.0
_LONGEST_AGAIN = 30.0
"""Seconds after which a monitor that did not answer is asked again, at most."""


@dataclass
class _Compared:
    """A resource whose versions are compared."""

    wish: DivergenceWish
    interval: float
    report: DivergenceReport | None = None
    unanswered: int = 0
    away: str = ""


class DivergenceWatch:
    """Holds the monitor's last counts. Bounded by the number of attempts that run."""

    def __init__(
        self,
        monitor: PairCounter | None,
        wake: Callable[[ResourceKey], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`monitor`: None: none is installed. `clock`: seconds, monotonic."""
        self._monitor = monitor
        self._wake = wake
        self._queue = WorkQueue(clock, workers=_ASKED_AT_ONCE)
        self._compared: dict[ResourceKey, _Compared] = {}

    def follow(self, key: ResourceKey, wish: DivergenceWish | None, interval: float) -> DivergenceAnswer:
        """Have it asked about a resource every `interval` seconds, at once where the wish is new; what is known so far.

        `wish` None: it is not asked now.
        """
        if self._monitor is None:
            return DivergenceAnswer(installed=False)
        if wish is None:
            self._compared.pop(key, None)
            return DivergenceAnswer()
        known = self._compared.get(key)
        if known is None or not known.wish.counts_as(wish):
            known = self._compared[key] = _Compared(wish=wish, interval=interval)
            self._queue.add(key)
        elif (known.wish, known.interval) != (wish, interval):
            # The counts go on; what a replay is to do is told at once.
            known.wish, known.interval = wish, interval
            self._queue.add(key)
        return DivergenceAnswer(report=known.report, away=known.away)

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone, or another release brings it on."""
        self._compared.pop(key, None)

    async def run(self) -> None:
        """Ask until cancelled."""
        if self._monitor is None:
            return
        await self._queue.serve(partial(self._visit, self._monitor))

    async def _visit(self, monitor: PairCounter, key: ResourceKey) -> float | None:
        """Ask about a resource; answers the seconds until it is asked again. None: nobody wants to know any more."""
        known = self._compared.get(key)
        if known is None:
            return None
        report, why = None, ""
        try:
            report = await monitor.compare(key, known.wish)
        except MonitorAway as away:
            why = str(away)
        except Exception:  # noqa: BLE001 - the outermost loop: one answer must not end the questions of all
            _log.exception("drift monitor not asked", extra={"key": str(key)})
            why = "asking the drift monitor failed: see the controller's log"
        if (now := self._compared.get(key)) is not known:
            return None if now is None else 0.0
        if report is None:
            return self._unanswered(key, known, why)
        if known.report is None or known.away:
            self._wake(key)
        known.report, known.unanswered, known.away = report, 0, ""
        return known.interval

    def _unanswered(self, key: ResourceKey, known: _Compared, why: str) -> float:
        known.unanswered += 1
        if known.unanswered >= _AWAY_AFTER and not known.away:
            known.away = why
            _log.warning("predictions are not compared", extra={"key": str(key), "detail": why})
            self._wake(key)
        return min(known.interval, backoff.delay(known.unanswered, first=_FIRST_AGAIN, longest=_LONGEST_AGAIN))
