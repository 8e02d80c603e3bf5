"""Wishes, one ingest for each, back-off, and what survives a restart. Time is a number, ingests are futures."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.digest import digest_of
from penstock_contracts.inference import InferRequest, InferResponse
from penstock_contracts.model_card import Digest, Golden, GoldenSource, IngestPhase, IngestStatus, ModelCard
from penstock_model_store.blobs import Blobs
from penstock_model_store.disk import Disk, RealDisk
from penstock_model_store.errors import PickleOnly, RegistryUnavailable
from penstock_model_store.ingests import BackOff, Ingests, QueueFull
from penstock_model_store.pipeline import model_file
from penstock_model_store.telemetry import ModelStoreTelemetry
from penstock_model_store.version_index import VersionIndex, VersionKey
from penstock_testing.dying_disk import FullDisk

KEY = VersionKey(registry="default", model="fraud", version="1")
OTHER = VersionKey(registry="default", model="fraud", version="2")


class World:
    """A store whose ingests end when the test says so."""

    def __init__(self, root: Path, *, disk: Disk | None = None, queue_size: int = 8, workers: int = 1) -> None:
        self.now = 0.0
        self.started: list[tuple[VersionKey, int]] = []
        self.ends: list[asyncio.Future[None]] = []
        self.metrics = CollectorRegistry()
        self.blobs = Blobs(root, RealDisk())
        self.ingests = Ingests(
            ingestion=self,
            blobs=self.blobs,
            index=VersionIndex(root, disk or RealDisk(), "judge"),
            telemetry=ModelStoreTelemetry(self.metrics),
            clock=lambda: self.now,
            queue_size=queue_size,
            workers=workers,
            back_off=BackOff(first=2, longest=60),
        )

    async def ingest(self, key: VersionKey, created_at_ms: int) -> Digest:
        self.started.append((key, created_at_ms))
        self.ends.append(asyncio.get_running_loop().create_future())
        await self.ends[-1]
        return committed(self.blobs, f"{key.version} of {created_at_ms}".encode())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Ingests]:
        work = asyncio.create_task(self.ingests.run())
        yield self.ingests
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not true():  # noqa: ASYNC110 - a turn of the loop at a time: it is the loop that is tested
                await asyncio.sleep(0)

    async def end(self, error: Exception | None = None) -> None:
        """End the newest ingest, and wait until its end is noted."""
        ended = self.count()
        if error:
            self.ends[-1].set_exception(error)
        else:
            self.ends[-1].set_result(None)
        await self.until(lambda: self.count() == ended + 1)

    def count(self) -> float:
        return sum(
            sample.value
            for family in self.metrics.collect()
            for sample in family.samples
            if sample.name == "penstock_store_ingests_total"
        )

    async def begin(self, key: VersionKey = KEY, created_at_ms: int = 1) -> IngestStatus:
        before = len(self.started)
        status = await self.ingests.ask(key, created_at_ms)
        await self.until(lambda: len(self.started) == before + 1)
        return status


def committed(blobs: Blobs, content: bytes) -> Digest:
    folder = blobs.stage() / "model"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(content)
    files = (model_file(folder, "model.onnx"),)
    golden = Golden(
        source=GoldenSource.SIGNATURE,
        request=InferRequest(inputs=()),
        response=InferResponse(model_name="golden", outputs=()),
    )
    card = ModelCard(
        digest=digest_of(files), files=files, model_path="model.onnx", inputs=(), outputs=(), golden=golden
    )
    blobs.commit(folder, card)
    return card.digest


async def test_a_wish_is_answered_at_once_and_done_in_the_background(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.running() as ingests:
        assert (await world.begin()).phase is IngestPhase.PENDING
        await world.end()

        status = await ingests.status(KEY)

    assert status is not None
    assert status.phase is IngestPhase.READY
    assert status.card is not None
    assert status.card.digest in world.blobs.held()


async def test_a_version_that_nobody_asked_for_is_unknown(tmp_path: Path) -> None:
    assert await World(tmp_path).ingests.status(KEY) is None


async def test_wishes_for_one_version_while_it_waits_or_runs_make_one_ingest(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.running() as ingests:
        await world.begin()
        await asyncio.gather(*(ingests.ask(KEY, 1) for _ in range(20)))
        await world.end()
        await ingests.ask(KEY, 1)

    assert world.started == [(KEY, 1)]


async def test_ready_survives_a_restart_without_a_new_ingest(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.running():
        await world.begin()
        await world.end()

    again = World(tmp_path)
    status = await again.ingests.ask(KEY, 1)

    assert status.phase is IngestPhase.READY
    assert again.started == []


async def test_refused_stays_refused_for_that_creation_time_also_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.running() as ingests:
        await world.begin()
        await world.end(PickleOnly("model.pkl is a pickle"))
        before = await ingests.ask(KEY, 1)

    after = await World(tmp_path).ingests.ask(KEY, 1)

    assert (
        before == after == IngestStatus(phase=IngestPhase.REFUSED, reason="PickleOnly", message="model.pkl is a pickle")
    )
    assert len(world.started) == 1


async def test_a_version_made_again_is_ingested_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.running() as ingests:
        await world.begin(created_at_ms=1)
        await world.end(PickleOnly("model.pkl is a pickle"))
        assert (await world.begin(created_at_ms=2)).phase is IngestPhase.PENDING
        await world.end()
        status = await ingests.status(KEY)

    assert status is not None
    assert status.phase is IngestPhase.READY
    assert world.started == [(KEY, 1), (KEY, 2)]


async def test_the_late_end_of_a_version_that_was_made_again_is_not_kept(tmp_path: Path) -> None:
    world = World(tmp_path, workers=2)
    async with world.running() as ingests:
        await world.begin(created_at_ms=1)
        await world.begin(created_at_ms=2)
        world.ends[0].set_exception(PickleOnly("old"))
        await world.until(lambda: world.count() == 1)
        pending = await ingests.status(KEY)
        await world.end()
        status = await ingests.status(KEY)

    assert pending is not None
    assert status is not None
    assert (pending.phase, status.phase) == (IngestPhase.PENDING, IngestPhase.READY)


async def test_failed_is_tried_again_when_it_is_asked_for_and_due_and_says_why_meanwhile(tmp_path: Path) -> None:
    world = World(tmp_path)
    away = RegistryUnavailable("registry away")
    async with world.running() as ingests:
        await world.begin()
        await world.end(away)
        early = await ingests.ask(KEY, 1)
        world.now = 2.0
        retried = await world.begin()
        await world.end(away)
        world.now = 5.9
        still_early = await ingests.status(KEY)
        world.now = 6.0
        by_status = await ingests.status(KEY)
        await world.until(lambda: len(world.started) == 3)
        await world.end()
        last = await ingests.status(KEY)

    assert (early.phase, early.reason, early.message) == (IngestPhase.FAILED, "RegistryUnavailable", "registry away")
    assert (retried.phase, retried.reason) == (IngestPhase.PENDING, "RegistryUnavailable")
    assert still_early is not None
    assert by_status is not None
    assert last is not None
    assert [found.phase for found in (still_early, by_status, last)] == [
        IngestPhase.FAILED,
        IngestPhase.PENDING,
        IngestPhase.READY,
    ]


def test_the_back_off_doubles_up_to_its_longest() -> None:
    back_off = BackOff(first=2, longest=60)

    assert [back_off.after(attempts) for attempts in (1, 2, 3, 6, 1000)] == [2, 4, 8, 60, 60]


async def test_a_full_queue_refuses_the_wish_and_takes_it_later(tmp_path: Path) -> None:
    world = World(tmp_path, queue_size=1)
    third = VersionKey(registry="default", model="fraud", version="3")
    async with world.running() as ingests:
        await world.begin()
        await ingests.ask(OTHER, 1)
        with pytest.raises(QueueFull, match="1 versions wait"):
            await ingests.ask(third, 1)
        assert (await ingests.ask(OTHER, 1)).phase is IngestPhase.PENDING
        await world.end()
        await world.until(lambda: len(world.started) == 2)
        assert (await ingests.ask(third, 1)).phase is IngestPhase.PENDING


async def test_a_full_disk_is_a_failure_that_passes(tmp_path: Path) -> None:
    disk = FullDisk()
    world = World(tmp_path, disk=disk)
    async with world.running() as ingests:
        await world.begin()
        await world.end()
        full = await ingests.status(KEY)
        disk.full = False
        world.now = 2.0
        await world.begin()
        await world.end()
        after = await ingests.status(KEY)

    assert full is not None
    assert (full.phase, full.reason) == (IngestPhase.FAILED, "StoreFull")
    assert after is not None
    assert after.phase is IngestPhase.READY


async def test_a_surprise_ends_no_worker(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.running() as ingests:
        await world.begin()
        await world.end(ZeroDivisionError("surprise"))
        broken = await ingests.status(KEY)
        await world.begin(OTHER)
        await world.end()
        other = await ingests.status(OTHER)

    assert broken is not None
    assert (broken.phase, broken.reason) == (IngestPhase.FAILED, "StoreFault")
    assert other is not None
    assert other.phase is IngestPhase.READY


async def test_every_end_is_counted_by_phase_and_reason_and_what_is_held_is_stated(tmp_path: Path) -> None:
    world = World(tmp_path)
    async with world.running():
        await world.begin()
        await world.end(PickleOnly("no"))
        await world.begin(OTHER)
        await world.end()

    def sample(name: str, **labels: str) -> float | None:
        return world.metrics.get_sample_value(name, labels)

    assert sample("penstock_store_ingests_total", phase="Refused", reason="PickleOnly") == 1
    assert sample("penstock_store_ingests_total", phase="Ready", reason="") == 1
    assert sample("penstock_store_digests") == 1
    assert sample("penstock_store_bytes") == sum(world.blobs.held().values())


def test_each_way_in_which_an_ingest_may_end_stands_at_0_and_the_build_is_told(tmp_path: Path) -> None:
    metrics = World(tmp_path).metrics
    samples = [sample for family in metrics.collect() for sample in family.samples]
    ends = {
        (sample.labels["phase"], sample.labels["reason"]): sample.value
        for sample in samples
        if sample.name == "penstock_store_ingests_total"
    }
    assert set(ends.values()) == {0}
    assert ends.keys() > {("Ready", ""), ("Refused", "PickleOnly"), ("Failed", "RegistryUnavailable")}
    parts = [sample.labels["part"] for sample in samples if sample.name == "penstock_build_info"]
    assert parts == ["model-store"]
