"""What goes, what stays, and what a crash leaves."""

import contextlib
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.digest import digest_of
from penstock_contracts.inference import InferRequest, InferResponse
from penstock_contracts.model_card import Golden, GoldenSource, Kept, ModelCard, ModelFile
from penstock_model_store.blobs import Blobs
from penstock_model_store.disk import Disk, RealDisk
from penstock_model_store.keepers import Keepers
from penstock_model_store.retention import Retention
from penstock_model_store.telemetry import ModelStoreTelemetry
from penstock_model_store.version_index import VersionEntry, VersionIndex, VersionKey
from penstock_testing.dying_disk import DyingDisk, KilledError

GRACE = 100.0


class World:
    """A store's folder, and a clock that tests set."""

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self.now = 0.0
        disk = disk or RealDisk()
        self.metrics = CollectorRegistry()
        self.blobs = Blobs(root, disk, clock=lambda: self.now)
        self.index = VersionIndex(root, disk, "judge")
        self.retention = Retention(
            blobs=self.blobs,
            index=self.index,
            keepers=Keepers(root, disk),
            telemetry=ModelStoreTelemetry(self.metrics),
            grace=GRACE,
        )

    def add(self, content: str) -> str:
        staged = self.blobs.stage() / "model"
        staged.mkdir()
        (staged / "model.onnx").write_text(content)
        card = card_of(content)
        self.blobs.commit(staged, card)
        self.index.record(VersionEntry(**vars(key_of(content)), created_at_ms=1, digest=card.digest))
        return card.digest

    async def hear(self, keeper: str, *digests: str) -> set[str]:
        await self.retention.take(Kept(keeper=keeper, digests=digests))
        return set(self.blobs.held())


def key_of(content: str) -> VersionKey:
    return VersionKey(registry="default", model="m", version=content)


def card_of(content: str) -> ModelCard:
    files = (ModelFile(path="model.onnx", size=len(content), sha256=content * 64),)
    return ModelCard(
        digest=digest_of(files),
        files=files,
        model_path="model.onnx",
        inputs=(),
        outputs=(),
        golden=Golden(
            source=GoldenSource.SIGNATURE,
            request=InferRequest(inputs=()),
            response=InferResponse(model_name="golden", outputs=()),
        ),
    )


async def test_what_nobody_names_goes_after_the_grace_time_and_its_versions_can_be_asked_for_again(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    kept, gone = world.add("1"), world.add("2")

    world.now = GRACE - 1
    assert await world.hear("a", kept) == {kept, gone}
    world.now = GRACE
    assert await world.hear("a", kept) == {kept}
    assert world.index.find(key_of("1")) is not None
    assert world.index.find(key_of("2")) is None
    assert world.metrics.get_sample_value("penstock_store_removed_total") == 1
    assert set(World(tmp_path).blobs.held()) == {kept}


async def test_a_store_that_hears_nothing_removes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    digest = world.add("1")
    world.now = 100 * GRACE

    assert set(world.blobs.held()) == {digest}


async def test_what_a_silent_keeper_said_last_stays_also_over_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path)
    ours, theirs = world.add("1"), world.add("2")
    await world.hear("theirs", theirs)
    world.now = 10 * GRACE
    assert await world.hear("ours", ours) == {ours, theirs}

    again = World(tmp_path)
    again.now = 10 * GRACE
    assert await again.hear("ours", ours) == {ours, theirs}
    again.now = 20 * GRACE
    assert await again.hear("theirs") == {ours, theirs}, "they named it until now"
    again.now = 21 * GRACE
    assert await again.hear("ours", ours) == {ours}


async def test_what_was_just_asked_for_stays(tmp_path: Path) -> None:
    """A rollout that begins: the store answered Ready, and no status names the digest yet."""
    world = World(tmp_path)
    digest = world.add("1")
    world.now = GRACE
    assert world.blobs.card(digest) is not None

    assert await world.hear("a") == {digest}


async def test_a_keeper_hears_what_is_missing(tmp_path: Path) -> None:
    world = World(tmp_path)
    digest = world.add("1")

    assert await world.retention.take(Kept(keeper="a", digests=(digest, "sha256:0"))) == ("sha256:0",)


async def test_with_a_word_that_cannot_be_read_nothing_is_removed(tmp_path: Path) -> None:
    World(tmp_path)
    (tmp_path / "keepers" / f"{'0' * 64}.json").write_text("{")
    world = World(tmp_path)
    digest = world.add("1")
    world.now = GRACE

    assert await world.hear("a") == {digest}


@pytest.mark.parametrize("steps", range(5))
async def test_killed_anywhere_in_a_removal_a_digest_is_there_whole_or_not_at_all(tmp_path: Path, steps: int) -> None:
    first = World(tmp_path)
    kept, gone = first.add("1"), first.add("2")
    disk = DyingDisk(100)
    dying = World(tmp_path, disk)
    dying.now = GRACE
    disk.steps_left = steps
    with contextlib.suppress(KilledError):
        await dying.hear("a", kept)

    after = World(tmp_path)

    assert kept in after.blobs.held()
    assert set(after.blobs.held()) <= {kept, gone}
    for digest in after.blobs.held():
        card = after.blobs.card(digest)
        assert card is not None
        path = after.blobs.file(card, "model.onnx")
        assert path is not None
        assert path.exists()
    assert list((tmp_path / "staging").iterdir()) == []
    assert after.add("2") == gone
