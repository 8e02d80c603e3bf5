"""Writes beside the passes: again until they are done, one at a time at each connection, in nobody's way."""

import asyncio
from collections import Counter

from prometheus_client import CollectorRegistry

from penstock_contracts.api.registry_write import AttemptOutcome
from penstock_controller.errors import RegistryAway, RegistryRefused, VersionMissing
from penstock_controller.ports import ResourceKey
from penstock_controller.registry_outbox import RegistryOutbox
from penstock_controller.rollout.registry_entry import Entry, Tag, Writing
from penstock_controller.telemetry import ControllerTelemetry

A, B = ResourceKey("ns", "a"), ResourceKey("ns", "b")
LIVE = Entry(connection="default", model="m", version="2", alias="live")
DONE = Entry(
    connection="default",
    model="m",
    version="2",
    outcome=AttemptOutcome(attempt=1, completion="Promoted", reason="Promoted", message="", ended_at=""),
)
ELSEWHERE = Entry(connection="other", model="m", version="2", alias="live")


class ScriptedRecorder:
    """Answers what the test says, and counts."""

    def __init__(self) -> None:
        self.answers: list[Exception] = []
        self.hanging: set[str] = set()
        self.tried: Counter[Entry] = Counter()
        self.tags: list[str] = []

    async def record(self, entry: Entry, tag: Tag | None) -> None:
        self.tried[entry] += 1
        if entry.connection in self.hanging:
            await asyncio.Event().wait()
        if self.answers:
            raise self.answers.pop(0)
        self.tags += [tag.key] if tag else []


class Rig:
    """An outbox that works for as long as nothing is waited for."""

    def __init__(self) -> None:
        self.recorder = ScriptedRecorder()
        self.woken: list[ResourceKey] = []
        self.pauses: list[float] = []
        self.metrics = CollectorRegistry()
        self.outbox = RegistryOutbox(
            self.recorder,
            ["default", "other"],
            ControllerTelemetry(self.metrics),
            self.woken.append,
            cluster="west",
            pause=self._pause,
        )

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def work(self) -> None:
        task = asyncio.ensure_future(self.outbox.run())
        for _ in range(200):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def answers(self, key: ResourceKey, *entries: Entry) -> list[Writing]:
        return [answer.writing for answer in self.outbox.offer(key, entries)]

    def counted(self, outcome: str) -> float | None:
        return self.metrics.get_sample_value("penstock_controller_registry_writes_total", {"outcome": outcome})


async def test_what_is_offered_is_written_once_and_its_resource_woken() -> None:
    rig = Rig()
    assert rig.answers(A, LIVE, DONE) == []
    await rig.work()
    assert rig.answers(A, LIVE, DONE) == [Writing.WRITTEN, Writing.WRITTEN]
    await rig.work()
    assert rig.recorder.tried == {LIVE: 1, DONE: 1}
    assert rig.recorder.tags == ["penstock.west.ns.a"]
    assert set(rig.woken) == {A}
    assert rig.counted("written") == 2


async def test_nothing_is_asked_when_nothing_is_offered() -> None:
    rig = Rig()
    assert rig.answers(A) == []
    await rig.work()
    assert not rig.recorder.tried
    assert rig.woken == []


async def test_a_registry_that_is_away_is_tried_again_with_back_off_until_it_has_everything() -> None:
    rig = Rig()
    rig.recorder.answers = [RegistryAway("away") for _ in range(6)]
    rig.outbox.offer(A, (LIVE,))
    await rig.work()
    assert rig.pauses == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    assert rig.answers(A, LIVE) == [Writing.WRITTEN]
    assert rig.counted("away") == 6
    assert len(rig.woken) == 2, "the same words again are no news"


async def test_a_refusal_is_tried_again_later_and_does_not_keep_others_waiting() -> None:
    rig = Rig()
    rig.recorder.answers = [RegistryRefused("may not")]
    rig.outbox.offer(A, (LIVE,))
    rig.outbox.offer(B, (LIVE,))
    await rig.work()
    assert sorted(rig.answers(A, LIVE) + rig.answers(B, LIVE)) == [Writing.REFUSED, Writing.WRITTEN]
    assert rig.pauses == []


async def test_a_version_that_is_gone_is_not_tried_again() -> None:
    rig = Rig()
    rig.recorder.answers = [VersionMissing("VersionNotFound", "no version 2")]
    rig.outbox.offer(A, (LIVE,))
    await rig.work()
    await rig.work()
    assert rig.answers(A, LIVE) == [Writing.IMPOSSIBLE]
    assert rig.recorder.tried == {LIVE: 1}


async def test_a_connection_that_hangs_keeps_up_no_other() -> None:
    rig = Rig()
    rig.recorder.hanging = {"default"}
    rig.outbox.offer(A, (LIVE, ELSEWHERE))
    rig.outbox.offer(B, (LIVE,))
    await rig.work()
    assert rig.recorder.tried == {LIVE: 1, ELSEWHERE: 1}, "one write at a time"
    assert rig.answers(A, LIVE, ELSEWHERE) == [Writing.WRITTEN]


async def test_a_bug_in_one_write_is_no_reason_to_stop() -> None:
    rig = Rig()
    rig.recorder.answers = [RuntimeError("a bug")]
    rig.outbox.offer(A, (LIVE, DONE))
    await rig.work()
    assert rig.answers(A, LIVE, DONE) == [Writing.REFUSED, Writing.WRITTEN]


async def test_what_is_no_longer_offered_is_not_written() -> None:
    rig = Rig()
    rig.outbox.offer(A, (LIVE,))
    rig.outbox.offer(B, (LIVE,))
    rig.outbox.offer(A, ())
    rig.outbox.forget(B)
    await rig.work()
    assert not rig.recorder.tried


async def test_a_connection_that_nobody_defines_any_more_is_said_at_once() -> None:
    rig = Rig()
    (answer,) = rig.outbox.offer(A, (Entry(connection="gone", model="m", version="1", alias="live"),))
    assert answer.writing is Writing.REFUSED
    assert "defines no registry 'gone'" in answer.message
