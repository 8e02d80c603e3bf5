"""Has candidates answer recorded requests: slowly, a few at a time, and only while the controller asks for it."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from penstock_contracts.base import evolve
from penstock_contracts.divergence import DivergenceReport, DivergenceWish, ReplayProblem, ReplayReport, ReplayWish
from penstock_contracts.records import RecordBatch
from penstock_drift_monitor.errors import MonitorError, UnknownResource
from penstock_drift_monitor.ledger import Ledger
from penstock_drift_monitor.replay_store import ANSWERED, GONE, ChosenRequest, waiting
from penstock_drift_monitor.replays.choice import ReplayChoice, choose, decode
from penstock_drift_monitor.replays.infer_request import infer_request
from penstock_drift_monitor.replays.replay_gateway import ReplayedRevision, ReplayFate, ReplayGateway, ReplayTry
from penstock_drift_monitor.telemetry import DriftMonitorTelemetry
from penstock_drift_monitor.writer import Writer

_log = logging.getLogger(__name__)
_RESOURCES_AT_ONCE: Final = 16
_REQUESTS_AT_ONCE: Final = 4
"""Of one resource, under way at the candidate."""
_TOGETHER: Final = 32
"""Read at once."""
_NOTED_EVERY: Final = 1.0
"""Seconds: outcomes that came within it are noted in one transaction."""
_TRIES: Final = 3
_FIRST_AGAIN: Final = 1.0
_LONGEST_AGAIN: Final = 10.0
"""Seconds before the next try of the same request."""
_SETTLES_AFTER: Final = 5.0
"""Seconds after the last answer until its record is surely here."""
Key = tuple[str, str]


@dataclass(eq=False)
class _Replay:
    """Of one resource."""

    key: Key
    wish: DivergenceWish
    wanted: ReplayWish
    asked: float
    """When the controller asked last, on the clock."""
    over: bool = False
    away: str = ""
    """Why the candidate gets none; empty: it gets them."""
    task: asyncio.Task[None] | None = None
    due: float = 0.0
    """When the next request may be sent, on the clock."""
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_REQUESTS_AT_ONCE))

    @property
    def whom(self) -> ReplayedRevision:
        """Who is to answer."""
        namespace, name = self.key
        revision, seconds = self.wish.candidate.revision, self.wanted.timeout_seconds
        return ReplayedRevision(namespace=namespace, name=name, revision=revision, seconds=seconds)


class ReplayRounds:
    """One task for each resource whose candidate is to answer recorded requests."""

    def __init__(
        self,
        writer: Writer,
        reader: Callable[[], sqlite3.Connection],
        telemetry: DriftMonitorTelemetry,
        gateway: ReplayGateway | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reader` opens the database for reading. `gateway`: None: no address of one is known. `clock`: seconds."""
        self._writer, self._reader, self._telemetry = writer, reader, telemetry
        self._gateway, self._clock = gateway, clock
        self._replays: dict[Key, _Replay] = {}
        self._places = asyncio.Semaphore(_RESOURCES_AT_ONCE)

    def follow(self, namespace: str, name: str, wish: DivergenceWish | None) -> None:
        """Have the candidate of a wish answer what it names; None, or a wish without a replay: none is asked."""
        key = (namespace, name)
        known = self._replays.get(key)
        if known is not None and known.wish != wish:
            del self._replays[key]
            if known.task is not None:
                known.task.cancel()
            known = None
        if wish is None or wish.replay is None:
            return
        if known is None:
            known = self._replays[key] = _Replay(key=key, wish=wish, wanted=wish.replay, asked=self._clock())
        known.asked = self._clock()
        if self._gateway is not None and not known.over and (known.task is None or known.task.done()):
            work = self._run(self._gateway, known)
            known.task = asyncio.create_task(work, name=f"replay {namespace}/{name}")

    def told(self, report: DivergenceReport) -> DivergenceReport:
        """The report, with what only this process knows of the replay."""
        known = self._replays.get((report.namespace, report.name))
        if known is None or report.attempt != known.wish.attempt:
            return report
        found = report.replay or ReplayReport()
        away = known.away if self._gateway else "the drift monitor has no address of a gateway (PENSTOCK_REPLAY_URL)"
        if away and not found.problem:
            found = evolve(found, problem=ReplayProblem.REPLAY_NOT_REACHED, message=away)
        return evolve(report, replay=evolve(found, over=known.over))

    async def close(self) -> None:
        """Give up what is under way. What was not noted is asked again after the next start."""
        tasks = [each.task for each in self._replays.values() if each.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._gateway is not None:
            await self._gateway.close()

    async def _run(self, gateway: ReplayGateway, replay: _Replay) -> None:
        delay, told = _FIRST_AGAIN, {"namespace": replay.key[0], "resource": replay.key[1]}
        while True:
            try:
                async with self._places:
                    await self._answer_all(gateway, replay)
            except UnknownResource:
                return  # other counts have begun: another wish comes with them
            except MonitorError as error:
                _log.warning("recorded requests wait: %s", error, extra=told)
            except Exception:  # noqa: BLE001 - the outermost frame: nobody else would ever tell of it
                _log.exception("recorded requests wait", extra=told)
            else:
                return
            await asyncio.sleep(delay)
            delay = min(_LONGEST_AGAIN, 2 * delay)

    async def _answer_all(self, gateway: ReplayGateway, replay: _Replay) -> None:
        wish = replay.wish
        start = await self._writer.do(lambda ledger: ledger.replay_start(*replay.key, wish))
        if not start.begun:
            choice = await asyncio.to_thread(self._choose, start.resource, replay, start.through)
            await self._writer.do(partial(_begin, start.resource, wish, choice))
        while part := await asyncio.to_thread(self._next, start.resource):
            tasks = {asyncio.create_task(self._outcome(gateway, replay, *each)) for each in part}
            try:
                while tasks:
                    done, tasks = await asyncio.wait(tasks, timeout=_NOTED_EVERY)
                    await self._writer.do(partial(_note, start.resource, dict(task.result() for task in done)))
            finally:
                for task in tasks:
                    task.cancel()
            if self._lapsed(replay):
                return
        await asyncio.sleep(_SETTLES_AFTER)
        replay.over = True

    def _lapsed(self, replay: _Replay) -> bool:
        return self._clock() - replay.asked > replay.wanted.lapse_seconds

    def _choose(self, resource: int, replay: _Replay, through: int) -> ReplayChoice:
        with closing(self._reader()) as database:
            return choose(database, resource, replay.wish.stable, through=through, most=replay.wanted.max_requests)

    def _next(self, resource: int) -> Sequence[tuple[ChosenRequest, RecordBatch | None]]:
        """Read the next requests with the batch of each; None: it has left the window."""
        batches: dict[int, RecordBatch | None] = {}
        with closing(self._reader()) as database:
            part = waiting(database, resource, _TOGETHER)
            for each in part:
                if each.batch not in batches:
                    kept = database.execute("SELECT body FROM batches WHERE id = ?", (each.batch,)).fetchone()
                    batches[each.batch] = decode(kept[0]) if kept else None
        return [(each, batches[each.batch]) for each in part]

    async def _outcome(
        self, gateway: ReplayGateway, replay: _Replay, chosen: ChosenRequest, batch: RecordBatch | None
    ) -> tuple[str, str]:
        """A request's id and what became of it; empty: nothing yet, and nobody asks for it any more."""
        if batch is None or batch.form is None:
            return chosen.request, GONE
        body = infer_request(batch, batch.form, chosen)
        tries, again = 0, _FIRST_AGAIN
        async with replay.turn:
            while not self._lapsed(replay):
                await self._pace(replay)
                found = await gateway.ask(replay.whom, chosen.request, body)
                self._tell(replay, found)
                tries += found.fate is not ReplayFate.UNREACHED
                if found.fate is ReplayFate.ANSWERED:
                    return chosen.request, ANSWERED
                if found.fate is ReplayFate.FAILED or tries >= _TRIES:
                    return chosen.request, found.why
                await asyncio.sleep(again)
                again = min(_LONGEST_AGAIN, 2 * again)
        return chosen.request, ""

    async def _pace(self, replay: _Replay) -> None:
        """Wait for the next moment at which a request may be sent."""
        now = self._clock()
        mine = max(now, replay.due)
        replay.due = mine + 1 / replay.wanted.per_second
        await asyncio.sleep(mine - now)

    def _tell(self, replay: _Replay, found: ReplayTry) -> None:
        self._telemetry.replayed(found.fate.value)
        away = found.why if found.fate is ReplayFate.UNREACHED else ""
        if away and not replay.away:
            _log.warning("recorded requests wait: %s", away, extra={"revision": replay.wish.candidate.revision})
        replay.away = away


def _begin(resource: int, wish: DivergenceWish, choice: ReplayChoice, ledger: Ledger) -> None:
    ledger.divergences.begin_replay(resource, wish, choice.requests, (choice.problem or "", choice.message))


def _note(resource: int, outcomes: Mapping[str, str], ledger: Ledger) -> None:
    ledger.divergences.replays.note(resource, outcomes)
