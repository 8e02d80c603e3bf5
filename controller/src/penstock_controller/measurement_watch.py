"""Asks services outside about versions that are judged, beside the passes: a pass takes what is known.

A service that hangs holds up no pass, and no other service: each has places of its own. Nothing here has to outlive the
process: a look is taken anew, and a gate counts each once.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import LONGEST_QUERY
from penstock_controller import backoff
from penstock_controller.errors import ClusterAway, Rejected, WriteConflict
from penstock_controller.gates.looks import LookAnswer, OutsideLook, Unanswered
from penstock_controller.ports import Headers, Measurements, ResourceKey
from penstock_controller.rollout.questions import (
    CheckQuestion,
    OutsideGate,
    OutsideQuestion,
    QueryQuestion,
    are_about_the_same,
)
from penstock_controller.rollout.timestamps import exact_stamp
from penstock_controller.work_queue import WorkQueue

_log = logging.getLogger(__name__)
_ASKED_AT_ONCE = 4
"""Questions to one service: one that hangs has one of these places until its time is over."""
_LONGEST_AGAIN = 60.0
"""Seconds after which a service that did not answer is asked again, at most, where the interval is not longer."""


@dataclass(frozen=True, order=True)
class GateKey(ResourceKey):
    """Names one gate of one ModelDeployment."""

    gate: str


@dataclass
class _Asked:
    """A question, and what is known of its answer."""

    question: OutsideQuestion
    interval: float
    lane: str
    look: OutsideLook | None = None
    unanswered: int = 0


class MeasurementWatch:
    """Holds the newest look of each gate, and wakes its resource when there is another one.

    Bounded by the number of gates; an answer to what is not asked any more is dropped.
    """

    def __init__(
        self,
        measurements: Measurements,
        headers: Headers,
        wake: Callable[[ResourceKey], None],
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now`: as passes see it. `clock`: seconds, monotonic."""
        self._measurements = measurements
        self._headers = headers
        self._wake = wake
        self._now = now
        self._lanes = {lane: WorkQueue(clock, workers=_ASKED_AT_ONCE) for lane in measurements.services()}
        self._asked: dict[ResourceKey, dict[ResourceKey, _Asked]] = {}

    def follow(
        self, key: ResourceKey, questions: Iterable[OutsideQuestion], interval: float
    ) -> Mapping[str, OutsideLook]:
        """Have these asked about a resource every `interval` seconds, and no others; what is known, by gate.

        A new question is asked at once. A question that the administrator's settings refuse is answered by that.
        """
        before = self._asked.pop(key, {})
        now: dict[ResourceKey, _Asked] = {}
        looks: dict[str, OutsideLook] = {}
        for question in questions:
            title = question.entry.title
            if refusal := self._measurements.refusal(question.entry, key.namespace):
                answer = Unanswered(reason=Reason.NO_SUCH_SOURCE, why=refusal)
                looks[title] = OutsideLook(asked_at="", answer=answer)
                continue
            name = GateKey(key.namespace, key.name, title)
            known = now[name] = self._followed(before.get(name), name, question, interval)
            if known.look:
                looks[title] = known.look
        if now:
            self._asked[key] = now
        return looks

    def _followed(self, known: _Asked | None, name: ResourceKey, question: OutsideQuestion, interval: float) -> _Asked:
        lane = self._measurements.service(question.entry)
        if known is None or not are_about_the_same(known.question, question) or known.lane != lane:
            known = _Asked(question=question, interval=interval, lane=lane)
            self._lanes[lane].add(name)
        elif (known.question, known.interval) != (question, interval):
            known.question, known.interval = question, interval
            self._lanes[lane].add(name)
        return known

    def refusals(self, entries: Iterable[OutsideGate], namespace: str) -> Mapping[str, str]:
        """Which gates of a spec are refused by the administrator's settings, and why, by gate."""
        found = ((entry.title, self._measurements.refusal(entry, namespace)) for entry in entries)
        return {title: why for title, why in found if why}

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone, or another release brings it on."""
        self._asked.pop(key, None)

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes.values():
                tasks.create_task(lane.serve(self._visit))

    async def _visit(self, name: ResourceKey) -> float | None:
        """Ask what is due; answers the seconds until it is asked again. None: nobody wants to know any more."""
        key = ResourceKey(name.namespace, name.name)
        known = self._asked.get(key, {}).get(name)
        if known is None:
            return None
        question, asked_at = known.question, self._now()
        answer = await self._answer(name, question, asked_at)
        if self._asked.get(key, {}).get(name) is not known:
            return None
        asked = question.promql(asked_at)[:LONGEST_QUERY] if isinstance(question, QueryQuestion) else ""
        self._note(name, known, OutsideLook(asked_at=exact_stamp(asked_at), answer=answer, asked=asked))
        self._wake(key)
        if known.question != question:
            return 0.0
        if not known.unanswered:
            return known.interval
        return max(known.interval, backoff.delay(known.unanswered, longest=_LONGEST_AGAIN))

    async def _answer(self, name: ResourceKey, question: OutsideQuestion, asked_at: datetime) -> LookAnswer:
        try:
            secret = question.entry.headers_secret if isinstance(question, CheckQuestion) else None
            headers = await self._headers.of(name.namespace, secret) if secret else {}
            return await self._measurements.fetch(question, headers, asked_at)
        except (Rejected, ClusterAway, WriteConflict) as error:
            return Unanswered(why=str(error))
        except Exception:  # noqa: BLE001 - the outermost loop: one answer must not end the questions of all
            _log.exception("measurement not fetched", extra={"key": str(name)})
            return Unanswered(why="asking failed: see the controller's log")

    @staticmethod
    def _note(name: ResourceKey, known: _Asked, look: OutsideLook) -> None:
        before, known.look = known.look, look
        if isinstance(look.answer, Unanswered):
            known.unanswered += 1
            if before is None or not isinstance(before.answer, Unanswered):
                where = {"key": str(name), "gate": known.question.entry.title, "detail": look.answer.why}
                _log.warning("a measurement cannot be had", extra=where)
        elif known.unanswered:
            known.unanswered = 0
            _log.info("the measurement can be had again", extra={"key": str(name), "gate": known.question.entry.title})
