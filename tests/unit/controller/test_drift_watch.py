"""The drift monitor is asked beside the passes: by interval, again where it is away, and nobody waits for it."""

import asyncio
from collections import Counter

import pytest

from penstock_contracts.base import evolve
from penstock_contracts.drift import (
    ColumnDrift,
    DriftReason,
    DriftReport,
    DriftVerdict,
    DriftWish,
    PartialDrift,
    PredictionDrift,
    RolloutFacts,
    ServedVersion,
)
from penstock_controller.drift_watch import DriftWatch
from penstock_controller.errors import MonitorAway
from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.monitor_answer import DriftFinding

A, B = ResourceKey("ns", "a"), ResourceKey("ns", "b")
STABLE = ServedVersion(version="1", digest="sha256:" + "a" * 64, revision="rev1")
WISH = DriftWish(stable=STABLE)
OTHER_WISH = DriftWish(stable=evolve(STABLE, version="2"))
MINUTE = 60.0


def column(score: float) -> ColumnDrift:
    return ColumnDrift(
        name="amount", test="shape", verdict=DriftVerdict.DRIFT, score=score, threshold=13.6, rows=int(score)
    )


class ScriptedMonitor:
    """Answers what the test says, and counts."""

    def __init__(self) -> None:
        self.reason = DriftReason.NO_DRIFT
        self.verdict = DriftVerdict.NO_DRIFT
        self.message = ""
        self.columns: tuple[ColumnDrift, ...] = ()
        self.inputs: PartialDrift | None = None
        self.predictions: tuple[PredictionDrift, ...] = ()
        self.errors: list[Exception] = []
        self.away = False
        self.hanging: set[ResourceKey] = set()
        self.asked: Counter[ResourceKey] = Counter()
        self.wishes: list[DriftWish] = []
        self.dropped: Counter[ResourceKey] = Counter()
        self.labels: int | None = 500
        """None: that question is not answered."""
        self.calls: list[str] = []

    async def _called(self, call: str, key: ResourceKey) -> None:
        self.calls.append(call)
        if key in self.hanging:
            await asyncio.Event().wait()
        if self.away:
            raise MonitorAway("the drift monitor does not answer: ConnectError")
        if self.errors:
            raise self.errors.pop(0)

    async def ask(self, key: ResourceKey, wish: DriftWish) -> DriftReport:
        self.asked[key] += 1
        self.wishes.append(wish)
        await self._called("ask", key)
        return DriftReport(
            namespace=key.namespace,
            name=key.name,
            dataset_drift=None,
            verdict=self.verdict,
            reason=self.reason,
            message=self.message,
            columns=self.columns,
            inputs=self.inputs,
            predictions=self.predictions,
        )

    async def labelled(self, key: ResourceKey) -> int:
        self.calls.append("labelled")
        if self.labels is None:
            raise MonitorAway("the drift monitor answers 404 to a question about labels")
        return self.labels

    async def forget(self, key: ResourceKey) -> None:
        self.dropped[key] += 1
        await self._called("forget", key)


class Rig:
    """A watch with a clock moved by hand."""

    def __init__(self) -> None:
        self.monitor = ScriptedMonitor()
        self.woken: list[ResourceKey] = []
        self.now = 0.0
        self.watch = DriftWatch(self.monitor, self.woken.append, report_url=str, clock=lambda: self.now)

    async def work(self, *seconds: float) -> None:
        """Work at once, then after each of these times, until nothing is left to do."""
        for each in (0.0, *seconds):
            self.now += each
            # Begun anew, for its alarms are by the real clock: it takes from the same queue.
            task = asyncio.ensure_future(self.watch.run())
            for _ in range(100):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def follow(self, *keys: ResourceKey, wish: DriftWish = WISH, interval: float = MINUTE) -> None:
        for key in keys or (A,):
            self.watch.follow(key, wish, interval)

    def finding(self, key: ResourceKey = A) -> DriftFinding | None:
        return self.watch.follow(key, WISH, MINUTE).finding

    def away(self, key: ResourceKey = A) -> str:
        return self.watch.follow(key, WISH, MINUTE).away


async def test_who_is_followed_is_asked_at_once_then_by_interval() -> None:
    rig = Rig()
    assert rig.finding() is None
    await rig.work()
    assert rig.monitor.asked == {A: 1}
    assert rig.finding() == DriftFinding(verdict=DriftVerdict.NO_DRIFT, reason=DriftReason.NO_DRIFT)
    await rig.work(MINUTE - 1)
    assert rig.monitor.asked == {A: 1}
    await rig.work(1)
    assert rig.monitor.asked == {A: 2}


async def test_an_answer_that_is_no_news_wakes_nobody() -> None:
    rig = Rig()
    rig.monitor.reason, rig.monitor.verdict = DriftReason.DATASET_DRIFT, DriftVerdict.DRIFT
    rig.monitor.columns = (column(20.0),)
    rig.follow()
    await rig.work()
    assert rig.woken == [A]
    rig.monitor.columns = (column(33.0),)
    await rig.work(MINUTE, MINUTE)
    assert rig.monitor.asked[A] == 3
    assert rig.woken == [A]


async def test_numbers_in_the_monitors_words_are_no_news() -> None:
    rig = Rig()
    rig.monitor.reason, rig.monitor.verdict = DriftReason.BAD_REFERENCE, DriftVerdict.ERROR
    rig.monitor.message = "not read, try 1"
    rig.follow()
    await rig.work()
    rig.monitor.message = "not read, try 2"
    await rig.work(MINUTE)
    assert rig.woken == [A]
    found = rig.finding()
    assert found
    assert found.message == "not read, try 1"


async def test_they_are_news_where_another_version_is_watched() -> None:
    rig = Rig()
    rig.monitor.reason, rig.monitor.verdict = DriftReason.NO_REFERENCE, DriftVerdict.ERROR
    rig.monitor.message = "version 1 has no reference"
    rig.follow()
    await rig.work()
    rig.monitor.message = "version 2 has no reference"
    rig.follow(wish=OTHER_WISH)
    await rig.work()
    found = rig.watch.follow(A, OTHER_WISH, MINUTE).finding
    assert found
    assert found.message == "version 2 has no reference"


async def test_another_verdict_wakes_its_resource_only() -> None:
    rig = Rig()
    rig.follow(A, B)
    await rig.work()
    rig.woken.clear()
    rig.watch.forget(B)
    rig.monitor.reason = DriftReason.INSUFFICIENT_DATA
    await rig.work(MINUTE)
    assert rig.woken == [A]


async def test_another_wish_is_said_at_once() -> None:
    rig = Rig()
    rig.follow()
    await rig.work()
    rig.follow(wish=OTHER_WISH)
    await rig.work()
    assert rig.monitor.wishes == [WISH, OTHER_WISH]


async def test_a_shorter_interval_holds_at_once() -> None:
    rig = Rig()
    rig.follow()
    await rig.work()
    rig.watch.follow(A, WISH, 1.0)
    await rig.work(1.0, 1.0)
    assert rig.monitor.asked[A] == 4


async def test_one_lost_answer_is_no_news_and_is_asked_for_again_soon() -> None:
    rig = Rig()
    rig.follow()
    await rig.work()
    rig.monitor.errors = [MonitorAway("lost"), MonitorAway("lost")]
    await rig.work(MINUTE, 2.0, 4.0)
    assert rig.monitor.asked[A] == 4
    assert rig.away() == ""
    assert rig.woken == [A]


async def test_three_without_an_answer_are_told_in_the_first_words_until_it_answers() -> None:
    rig = Rig()
    rig.follow()
    rig.monitor.errors = [MonitorAway("one"), MonitorAway("two"), MonitorAway("three"), MonitorAway("four")]
    await rig.work(2.0, 4.0)
    assert rig.away() == "three"
    assert rig.woken == [A]
    await rig.work(8.0)
    assert rig.away() == "three"
    assert rig.woken == [A], "nothing is written anew for each try"
    await rig.work(16.0)
    assert rig.away() == ""
    assert rig.finding()
    assert rig.woken == [A, A]


async def test_what_was_known_stays_while_the_monitor_is_away() -> None:
    rig = Rig()
    rig.follow()
    await rig.work()
    rig.monitor.away = True
    await rig.work(MINUTE, 2.0, 4.0)
    assert rig.away()
    assert rig.finding() == DriftFinding(verdict=DriftVerdict.NO_DRIFT, reason=DriftReason.NO_DRIFT)


async def test_a_monitor_that_stays_away_is_asked_less_and_less_often() -> None:
    rig = Rig()
    rig.monitor.away = True
    rig.watch.follow(A, WISH, 3600.0)
    await rig.work(*[1.0] * 600)
    assert 8 <= rig.monitor.asked[A] <= 16


async def test_an_answer_that_breaks_the_asking_stops_no_other_question() -> None:
    rig = Rig()
    rig.monitor.errors = [RuntimeError("of a kind that nobody thought of")]
    rig.follow(A, B)
    await rig.work()
    assert [rig.finding(A) is None, rig.finding(B) is None].count(True) == 1
    await rig.work(2.0)
    assert rig.finding(A)
    assert rig.finding(B)


async def test_a_resource_for_which_it_hangs_keeps_up_no_other() -> None:
    rig = Rig()
    rig.monitor.hanging = {A}
    rig.follow(A, B)
    await rig.work()
    assert rig.finding(B)
    assert rig.finding(A) is None


async def test_an_answer_to_a_wish_that_is_past_is_not_taken() -> None:
    rig = Rig()
    rig.follow()
    answer = asyncio.Event()
    ask = rig.monitor.ask

    async def slowly(key: ResourceKey, wish: DriftWish) -> DriftReport:
        await answer.wait()
        return await ask(key, wish)

    rig.monitor.ask = slowly  # type: ignore[method-assign]  # the same, later
    task = asyncio.ensure_future(rig.watch.run())
    await _a_while()
    rig.watch.forget(A)
    answer.set()
    await _a_while()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert rig.woken == []
    assert rig.finding() is None


async def _a_while() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_without_a_version_that_serves_it_is_not_asked_and_drops_nothing() -> None:
    rig = Rig()
    rig.follow()
    await rig.work()
    assert rig.watch.follow(A, None, MINUTE).finding is None
    await rig.work(MINUTE)
    assert (rig.monitor.asked[A], rig.monitor.dropped) == (1, {})


async def test_a_resource_that_is_gone_is_dropped_there_and_asked_no_more() -> None:
    rig = Rig()
    rig.follow()
    await rig.work()
    rig.watch.remove(A)
    await rig.work(MINUTE, MINUTE)
    assert rig.monitor.dropped == {A: 1}
    assert rig.monitor.asked == {A: 1}


async def test_dropping_is_tried_again_and_given_up_in_the_end() -> None:
    rig = Rig()
    rig.monitor.away = True
    rig.watch.remove(A)
    await rig.work(*[MINUTE] * 20)
    assert rig.monitor.dropped == {A: 6}


async def test_one_that_is_made_again_under_its_name_is_dropped_first() -> None:
    rig = Rig()
    rig.follow()
    await rig.work()
    rig.watch.remove(A)
    rig.follow()
    await rig.work()
    assert rig.monitor.calls == ["ask", "forget", "ask"]


@pytest.mark.parametrize("known_there", [True, False])
async def test_who_leaves_is_dropped_only_where_the_monitor_may_know_it(known_there: bool) -> None:
    rig = Rig()
    assert rig.watch.leave(A, known_there=known_there).installed
    await rig.work()
    assert rig.monitor.dropped == ({A: 1} if known_there else {})


async def test_removals_that_wait_have_a_bound() -> None:
    rig = Rig()
    keys = [ResourceKey("ns", f"m{number}") for number in range(1001)]
    for key in keys:
        rig.watch.remove(key)
    await rig.work(*[0.0] * 20)
    assert rig.monitor.dropped[keys[0]] == 0, "the oldest was given up"
    assert sum(rig.monitor.dropped.values()) == 1000


async def test_without_a_monitor_nothing_is_asked() -> None:
    watch = DriftWatch(None, lambda _: None)
    assert not watch.follow(A, WISH, MINUTE).installed
    assert not watch.leave(A, known_there=True).installed
    watch.remove(A)
    await watch.run()


async def test_a_finding_is_current_once_it_is_about_the_version_that_serves() -> None:
    rig = Rig()
    rig.follow()
    await rig.work()
    assert rig.watch.follow(A, WISH, MINUTE).is_current
    with_candidate = evolve(WISH, others=(OTHER_WISH.stable,))
    assert rig.watch.follow(A, with_candidate, MINUTE).is_current, "the same version serves"
    assert not rig.watch.follow(A, OTHER_WISH, MINUTE).is_current
    woken = len(rig.woken)
    await rig.work()
    assert rig.watch.follow(A, OTHER_WISH, MINUTE).is_current
    assert len(rig.woken) > woken, "a pass may act on it now, though it says the same"


async def test_what_pages_show_of_a_rollout_is_told_with_the_next_question_and_is_no_news_of_drift() -> None:
    rig = Rig()
    rig.follow()
    await rig.work()
    woken = len(rig.woken)
    moved = evolve(WISH, rollout=RolloutFacts(phase="Progressing", weights={"1": 95, "2": 5}))
    assert rig.watch.follow(A, moved, MINUTE).is_current
    await rig.work()
    assert rig.monitor.asked == {A: 1}
    await rig.work(MINUTE)
    assert rig.monitor.wishes[-1] == moved
    assert len(rig.woken) == woken


async def test_labels_are_counted_only_where_somebody_asks() -> None:
    rig = Rig()
    rig.follow()
    await rig.work()
    assert "labelled" not in rig.monitor.calls
    assert rig.watch.follow(A, WISH, MINUTE, least_labels=4000).labelled is None
    await rig.work(MINUTE)
    assert rig.watch.follow(A, WISH, MINUTE, least_labels=4000).labelled == 500


async def test_labels_that_are_not_answered_leave_what_is_known_of_drift() -> None:
    rig = Rig()
    rig.monitor.labels = None
    rig.watch.follow(A, WISH, MINUTE, least_labels=4000)
    await rig.work()
    known = rig.watch.follow(A, WISH, MINUTE, least_labels=4000)
    assert (known.labelled, known.away) == (None, "")
    assert known.finding


async def test_a_resource_that_waits_for_labels_is_woken_once_when_there_are_enough() -> None:
    rig = Rig()
    rig.watch.follow(A, WISH, MINUTE, least_labels=4000)
    await rig.work()
    woken = len(rig.woken)
    for labels in (3999, 4000, 5000):
        rig.monitor.labels = labels
        await rig.work(MINUTE)
        assert len(rig.woken) - woken == (labels >= 4000)


def part(rows: int, verdict: DriftVerdict = DriftVerdict.NO_DRIFT) -> PartialDrift:
    return PartialDrift(verdict=verdict, reason=DriftReason.NO_DRIFT, message=f"{rows} rows", rows=rows)


async def test_parts_are_as_new_as_the_last_answer_and_only_another_verdict_wakes() -> None:
    rig = Rig()
    rig.follow()
    for rows, verdict, wakes in (
        (10, DriftVerdict.INCONCLUSIVE, 1),
        (20, DriftVerdict.INCONCLUSIVE, 1),
        (90, DriftVerdict.NO_DRIFT, 2),
        (99, DriftVerdict.NO_DRIFT, 2),
    ):
        rig.monitor.inputs = part(rows)
        found = part(rows, verdict)
        rig.monitor.predictions = (PredictionDrift(version="2", digest="sha256:2", found=found),)
        await rig.work(MINUTE)
        parts = rig.watch.follow(A, WISH, MINUTE).parts
        assert parts
        assert (parts.inputs.rows, parts.predictions[0].found.rows, len(rig.woken)) == (rows, rows, wakes)


async def test_a_monitor_that_does_not_tell_parts_apart_gives_none() -> None:
    rig = Rig()
    rig.follow()
    await rig.work()
    assert rig.watch.follow(A, WISH, MINUTE).parts is None
