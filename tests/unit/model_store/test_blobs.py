"""Whole or not at all, whatever the moment the process dies at."""

from pathlib import Path

import pytest

from penstock_contracts.base import evolve
from penstock_contracts.digest import digest_of
from penstock_contracts.inference import InferRequest, InferResponse
from penstock_contracts.model_card import Golden, GoldenSource, ModelCard
from penstock_model_store.blobs import Blobs
from penstock_model_store.disk import RealDisk
from penstock_model_store.pipeline import model_file
from penstock_testing.dying_disk import DyingDisk, KilledError

CONTENT = {"model.onnx": b"graph", "data/weights.bin": b"0123456789"}


def staged(blobs: Blobs) -> tuple[Path, ModelCard]:
    folder = blobs.stage() / "model"
    for name, content in CONTENT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "reference.csv").write_text("a\n1\n")
    files = tuple(model_file(folder, name) for name in sorted(CONTENT))
    golden = Golden(
        source=GoldenSource.SIGNATURE,
        request=InferRequest(inputs=()),
        response=InferResponse(model_name="golden", outputs=()),
    )
    card = ModelCard(
        digest=digest_of(files),
        files=files,
        model_path="model.onnx",
        inputs=(),
        outputs=(),
        golden=golden,
        reference_path="reference.csv",
    )
    return folder, card


def check_whole(blobs: Blobs, card: ModelCard) -> None:
    assert blobs.card(card.digest) == card
    for name, content in CONTENT.items():
        path = blobs.file(card, name)
        assert path is not None
        assert path.read_bytes() == content


def test_what_was_committed_is_held_with_its_card_files_and_size(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, RealDisk())
    folder, card = staged(blobs)

    blobs.commit(folder, card)

    check_whole(blobs, card)
    assert blobs.file(card, "reference.csv") is not None
    assert list(blobs.held()) == [card.digest]
    assert blobs.held()[card.digest] > sum(map(len, CONTENT.values()))


def test_it_is_held_after_a_restart(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, RealDisk())
    folder, card = staged(blobs)
    blobs.commit(folder, card)

    again = Blobs(tmp_path, RealDisk())

    check_whole(again, card)
    assert again.held() == blobs.held()


@pytest.mark.parametrize("path", ["card.json", "../card.json", "/etc/passwd", "data", "unknown", "", "./model.onnx"])
def test_only_files_of_the_card_are_found(path: str, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, RealDisk())
    folder, card = staged(blobs)
    blobs.commit(folder, card)

    assert blobs.file(card, path) is None


def test_the_same_digest_again_leaves_the_first_alone(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, RealDisk())
    folder, card = staged(blobs)
    blobs.commit(folder, card)
    second, _ = staged(blobs)

    blobs.commit(second, evolve(card, reference_path=None))

    check_whole(blobs, card)


def test_two_commits_of_one_digest_that_do_not_know_of_each_other_both_end_well(tmp_path: Path) -> None:
    first, second = Blobs(tmp_path, RealDisk()), Blobs(tmp_path, RealDisk())
    folder, card = staged(second)
    other, _ = staged(first)
    first.commit(other, card)

    second.commit(folder, card)

    check_whole(second, card)


def test_killed_at_every_step_a_digest_is_whole_or_absent_and_can_be_committed_again(tmp_path: Path) -> None:
    outcomes = []
    for steps in range(20):
        root = tmp_path / str(steps)
        folder, card = staged(Blobs(root, RealDisk()))
        dying = DyingDisk(steps=1)
        blobs = _over_what_was_staged(root, dying)
        dying.steps_left = steps
        died = _died_in_commit(blobs, folder, card)

        after = Blobs(root, RealDisk())

        outcomes.append((died, bool(after.held())))
        assert list((root / "staging").iterdir()) == []
        if after.held():
            check_whole(after, card)
        else:
            after.commit(*staged(after))
            check_whole(after, card)
        if not died:
            break
    assert (True, False) in outcomes
    assert outcomes[-1] == (False, True)


def _over_what_was_staged(root: Path, disk: DyingDisk) -> Blobs:
    """A store whose start does not clear the staging folder: the commit under test follows in it."""
    kept = root / "kept"
    (root / "staging").rename(kept)
    blobs = Blobs(root, disk)
    (root / "staging").rmdir()
    kept.rename(root / "staging")
    return blobs


def _died_in_commit(blobs: Blobs, folder: Path, card: ModelCard) -> bool:
    try:
        blobs.commit(folder, card)
    except KilledError:
        return True
    return False


@pytest.mark.parametrize("damage", ["card.json", "files/model.onnx"])
def test_a_digest_that_the_disk_damaged_is_not_held_any_longer(damage: str, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, RealDisk())
    folder, card = staged(blobs)
    blobs.commit(folder, card)
    (tmp_path / "digests" / card.digest.removeprefix("sha256:") / damage).write_bytes(b"")

    again = Blobs(tmp_path, RealDisk())

    assert again.held() == {}
    again.commit(*staged(again))
    check_whole(again, card)


def test_a_digest_that_is_not_held_has_no_card(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path, RealDisk())

    assert blobs.card("sha256:" + "0" * 64) is None
    assert blobs.card("../../etc/passwd") is None
