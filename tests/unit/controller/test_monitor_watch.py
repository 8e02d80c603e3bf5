"""The drift monitor is asked for counts beside the passes, while an attempt needs them."""

import asyncio

import pytest

from penstock_contracts.base import evolve
from penstock_contracts.divergence import DivergenceReport, DivergenceWish, ReplayWish
from penstock_contracts.drift import ServedVersion
from penstock_controller.errors import MonitorAway
from penstock_controller.monitor_watch import MonitorWatch
from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.monitor_answer import CountsAnswer
from penstock_testing.counting_monitor import Change, CountingMonitor

A, B = ResourceKey("ns", "a"), ResourceKey("ns", "b")
WISH = DivergenceWish(
    attempt=2,
    candidate=ServedVersion(version="2", digest="sha256:" + "b" * 64, revision="rev2"),
    stable=ServedVersion(version="1", digest="sha256:" + "a" * 64, revision="rev1"),
)
NEXT = WISH.model_copy(update={"attempt": 3})
INTERVAL = 10.0
Answer = CountsAnswer[DivergenceReport]


class Rig:
    def __init__(self) -> None:
        self.now = 0.0
        self.monitor = CountingMonitor()
        self.woken: list[ResourceKey] = []
        self.watch = MonitorWatch(
            self.monitor.compare,
            self.woken.append,
            what="nothing is compared",
            counts_as=DivergenceWish.counts_as,
            clock=lambda: self.now,
        )

    def follow(self, key: ResourceKey = A, wish: DivergenceWish | None = WISH) -> Answer:
        return self.watch.follow(key, wish, INTERVAL)

    async def later(self, seconds: float = 0.0) -> None:
        """Time passes, and what is due is done."""
        self.now += seconds
        working = asyncio.ensure_future(self.watch.run())
        for _ in range(20):
            await asyncio.sleep(0)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def pairs(answer: Answer) -> int | None:
    return answer.report.pairs if answer.report else None


async def test_it_is_asked_at_once_and_then_every_interval(rig: Rig) -> None:
    assert rig.follow() == Answer()
    await rig.later()
    assert pairs(rig.follow()) == 1
    await rig.later(INTERVAL / 2)
    assert pairs(rig.follow()) == 1
    await rig.later(INTERVAL / 2)
    assert pairs(rig.follow()) == 2


async def test_only_the_first_answer_wakes_its_resource(rig: Rig) -> None:
    rig.follow()
    for _ in range(3):
        await rig.later(INTERVAL)
    assert rig.woken == [A]


async def test_another_attempt_is_asked_about_at_once_and_knows_nothing_of_the_one_before(rig: Rig) -> None:
    rig.follow()
    await rig.later()
    assert rig.follow(wish=NEXT).report is None
    await rig.later()
    assert rig.monitor.asked == [(A, 2), (A, 3)]
    assert pairs(rig.follow(wish=NEXT)) == 2


async def test_what_a_replay_is_to_do_is_told_at_once_and_the_counts_go_on(rig: Rig) -> None:
    rig.follow()
    await rig.later()
    replay = ReplayWish(test="", max_requests=9, per_second=1, timeout_seconds=1, lapse_seconds=60)
    for wish in (evolve(WISH, replay=replay), WISH):
        before = pairs(rig.follow(wish=wish))
        assert before is not None
        await rig.later()
        assert pairs(rig.follow(wish=wish)) == before + 1
    assert rig.woken == [A]


async def test_after_an_attempt_nobody_asks(rig: Rig) -> None:
    rig.follow()
    await rig.later()
    assert rig.follow(wish=None) == Answer()
    await rig.later(10 * INTERVAL)
    assert len(rig.monitor.asked) == 1


async def test_a_resource_that_is_forgotten_is_not_asked_about(rig: Rig) -> None:
    rig.follow()
    rig.watch.forget(A)
    await rig.later(INTERVAL)
    assert rig.monitor.asked == []


async def test_one_lost_answer_is_no_news_and_three_are(rig: Rig) -> None:
    rig.follow()
    await rig.later()
    rig.monitor.error = MonitorAway("the drift monitor does not answer: ConnectError")
    await rig.later(INTERVAL)
    assert rig.follow() == Answer(report=rig.follow().report)
    for _ in range(4):
        await rig.later(INTERVAL)
    assert rig.follow().away == "the drift monitor does not answer: ConnectError"
    assert rig.woken == [A, A]
    rig.monitor.error = None
    await rig.later(INTERVAL)
    assert (rig.follow().away, rig.woken) == ("", [A, A, A])


async def test_a_fault_of_ours_ends_nothing(rig: Rig) -> None:
    rig.monitor.error = RuntimeError("a bug")
    rig.follow()
    for _ in range(4):
        await rig.later(INTERVAL)
    assert "see the controller's log" in rig.follow().away
    rig.monitor.error = None
    await rig.later(INTERVAL)
    assert rig.follow().report


async def test_a_resource_for_which_the_monitor_hangs_keeps_up_no_other(rig: Rig) -> None:
    rig.monitor.hanging = {A}
    rig.follow(A)
    rig.follow(B)
    await rig.later()
    assert pairs(rig.follow(B)) == 2
    assert rig.follow(A).report is None


async def test_an_answer_to_what_is_not_asked_any_more_is_dropped(rig: Rig) -> None:
    changes: list[Change] = [lambda: rig.follow(wish=NEXT)]
    rig.monitor.meanwhile = lambda: changes.pop()() if changes else None
    rig.follow()
    await rig.later()
    assert rig.monitor.asked[:2] == [(A, 2), (A, 3)]
    found = rig.follow(wish=NEXT).report
    assert found
    assert found.attempt == 3


async def test_without_a_monitor_there_is_nobody_to_ask() -> None:
    watch = MonitorWatch[DivergenceWish, DivergenceReport](None, lambda _: None, what="nothing is compared")
    assert watch.follow(A, WISH, INTERVAL) == Answer(installed=False)
    await asyncio.wait_for(watch.run(), 1)
