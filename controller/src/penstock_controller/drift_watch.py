"""Asks the drift monitor beside the passes, for each resource by its own interval: a pass takes what is known.

A monitor that hangs or is away holds up no pass, so no rollout. Nothing here has to outlive the process: status keeps
what was said last, and the first pass of another process has it asked anew.
"""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from penstock_contracts.drift import DriftReport, DriftWish
from penstock_controller import backoff
from penstock_controller.monitor_silence import ASKED_AT_ONCE, FIRST_AGAIN, LONGEST_AGAIN, MonitorSilence, answer_of
from penstock_controller.ports import Monitor, ResourceKey
from penstock_controller.rollout.monitor_answer import DriftFinding, Monitoring, WatchedParts, finding_in, parts_in
from penstock_controller.work_queue import WorkQueue

_log = logging.getLogger(__name__)
_TRIES_TO_REMOVE = 6
"""After which the monitor's own limits must do."""
_MOST_REMOVALS = 1000
"""That wait at the same time."""
_NUMBERS = re.compile(r"\d+")
"""What differs from one answer to the next."""


@dataclass
class _Followed:
    """A resource that is asked about."""

    wish: DriftWish
    interval: float
    finding: DriftFinding | None = None
    parts: WatchedParts | None = None
    least_labels: int = 0
    is_new: bool = True
    """Nothing has been answered to this wish yet."""
    is_of_stable: bool = False
    """The finding is about the version that serves now."""
    labelled: int | None = None
    silence: MonitorSilence = field(default_factory=MonitorSilence)

    @property
    def has_labels(self) -> bool:
        """Whether there are as many as somebody waits for."""
        return self.labelled is not None and self.labelled >= self.least_labels

    @property
    def told(self) -> tuple[object, ...]:
        """What a pass is woken for when it changes."""
        verdicts = self.parts.verdicts if self.parts else None
        return self.finding, verdicts, self.silence.away, self.is_of_stable, self.has_labels


class DriftWatch:
    """Holds the monitor's last answers, and wakes a resource when what is told of it has changed.

    Bounded by the number of resources; an answer that was not asked for any more is dropped.
    """

    def __init__(
        self,
        monitor: Monitor | None,
        wake: Callable[[ResourceKey], None],
        *,
        report_url: Callable[[ResourceKey], str] = lambda _: "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`monitor`: None: none is installed. `report_url`: where it shows a report. `clock`: seconds, monotonic."""
        self._monitor = monitor
        self._wake = wake
        self._report_url = report_url
        self._queue = WorkQueue(clock, workers=ASKED_AT_ONCE)
        self._followed: dict[ResourceKey, _Followed] = {}
        self._removals: dict[ResourceKey, int] = {}
        """Resources that the monitor is to drop, and how often that was tried."""
        self._is_away = False

    def follow(self, key: ResourceKey, wish: DriftWish | None, interval: float, *, least_labels: int = 0) -> Monitoring:
        """Have it asked about a resource every `interval` seconds, at once where the wish is new; what is known so far.

        `wish` None: it is not asked now, and keeps what it has. `least_labels`: from so many
        on a Job may be started, so their number is asked, too; 0: nobody needs it.
        """
        if self._monitor is None:
            return Monitoring()
        if wish is None:
            self._followed.pop(key, None)
            return Monitoring(installed=True)
        known = self._followed.get(key)
        if known is None:
            known = self._followed[key] = _Followed(wish=wish, interval=interval)
            self._queue.add(key)
        elif (another := not known.wish.watches_as(wish)) or known.interval != interval:
            known.is_new |= another
            known.is_of_stable &= known.wish.stable == wish.stable
            known.interval = interval
            self._queue.add(key)
        known.wish = wish  # what pages show of a rollout may wait for the next question
        known.least_labels = least_labels
        return Monitoring(
            installed=True,
            finding=known.finding,
            parts=known.parts,
            away=known.silence.away,
            report_url=self._report_url(key),
            is_current=known.is_of_stable,
            labelled=known.labelled if least_labels else None,
        )

    def leave(self, key: ResourceKey, *, known_there: bool) -> Monitoring:
        """Its drift is nobody's wish any more. `known_there`: the monitor may have something of it all the same."""
        if key in self._followed or known_there:
            self.remove(key)
        return Monitoring(installed=self._monitor is not None)

    def remove(self, key: ResourceKey) -> None:
        """The resource is gone: the monitor is to drop what it has of it, as far as it can be reached."""
        self._followed.pop(key, None)
        if self._monitor is None or key in self._removals:
            return
        if len(self._removals) >= _MOST_REMOVALS:
            self._give_up(next(iter(self._removals)))
        self._removals[key] = 0
        self._queue.add(key)

    def forget(self, key: ResourceKey) -> None:
        """Another release brings it on: nothing is asked, and nothing dropped."""
        self._followed.pop(key, None)

    async def run(self) -> None:
        """Ask until cancelled."""
        if self._monitor is None:
            return
        await self._queue.serve(partial(self._visit, self._monitor))

    async def _visit(self, monitor: Monitor, key: ResourceKey) -> float | None:
        """Say and ask what is due about a resource; answers the seconds until more is. None: nothing."""
        if key in self._removals:
            again = await self._remove(monitor, key)
            if again is not None:
                return again
        known = self._followed.get(key)
        if known is None:
            return None
        wish = known.wish
        report, why = await answer_of(monitor.ask(key, wish), key)
        labelled = await self._labelled(monitor, key) if report and known.least_labels else None
        if self._followed.get(key) is not known:
            return None
        if not known.wish.watches_as(wish):
            return 0.0
        return self._unanswered(key, known, why) if report is None else self._answered(key, known, report, labelled)

    @staticmethod
    async def _labelled(monitor: Monitor, key: ResourceKey) -> int | None:
        """Labelled rows; None where that alone is not answered: what is known of drift does not depend on it."""
        labelled, why = await answer_of(monitor.labelled(key), key)
        if labelled is None:
            _log.warning("labels not counted", extra={"key": str(key), "detail": why})
        return labelled

    def _answered(self, key: ResourceKey, known: _Followed, report: DriftReport, labelled: int | None) -> float:
        if self._is_away:
            self._is_away = False
            _log.info("the drift monitor answers again")
        told, finding = known.told, finding_in(report)
        known.labelled, known.parts = labelled, parts_in(report)
        if known.is_new or known.finding is None or not _alike(known.finding, finding):
            known.finding = finding
        known.is_new, known.is_of_stable = False, True
        known.silence.ends()
        if told != known.told:
            self._wake(key)
        return known.interval

    def _unanswered(self, key: ResourceKey, known: _Followed, why: str) -> float:
        if known.silence.goes_on(why):
            if not self._is_away:
                self._is_away = True
                _log.warning("the drift monitor does not answer", extra={"key": str(key), "detail": why})
            self._wake(key)
        return known.silence.again_in(known.interval)

    async def _remove(self, monitor: Monitor, key: ResourceKey) -> float | None:
        """Have the monitor drop a resource; answers the seconds until that is tried again. None: it is over."""
        _, why = await answer_of(monitor.forget(key), key)
        if not why or key not in self._removals:
            self._removals.pop(key, None)
            return None
        self._removals[key] += 1
        if self._removals[key] < _TRIES_TO_REMOVE:
            return backoff.delay(self._removals[key], first=FIRST_AGAIN, longest=LONGEST_AGAIN)
        self._give_up(key, why)
        return None

    def _give_up(self, key: ResourceKey, why: str = "too many wait") -> None:
        del self._removals[key]
        _log.warning("the drift monitor was not told that a resource is gone", extra={"key": str(key), "detail": why})


def _alike(one: DriftFinding, other: DriftFinding) -> bool:
    """Whether two say the same, but for numbers in the monitor's words: they would write status with each look."""
    return _still(one) == _still(other)


def _still(finding: DriftFinding) -> tuple[object, ...]:
    words = _NUMBERS.sub("", finding.message)
    return finding.verdict, finding.reason, finding.columns, finding.since, words
