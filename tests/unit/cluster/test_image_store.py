from pathlib import Path

import pytest
from testcluster import image_store


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache" / "penstock").mkdir(parents=True)
    return tmp_path / "cache" / "penstock"


def _ended(state: Path, snapshots: int) -> Path:
    folder = state / "containerd" / "io.containerd.snapshotter.v1.overlayfs" / "snapshots"
    folder.mkdir(parents=True)
    for number in range(snapshots):
        (folder / str(number)).mkdir()
    return state


def _started(state: Path) -> Path:
    state.mkdir()
    image_store.take(state)
    return state


def test_what_one_cluster_unpacked_the_next_one_finds_and_knows_to_be_used(tmp_path: Path) -> None:
    image_store.park(_ended(tmp_path / "first", snapshots=3))
    assert not (tmp_path / "first" / "containerd").exists()
    second = _started(tmp_path / "second")
    assert image_store.has_past(second)
    assert len(list(second.glob("containerd/*/snapshots/*"))) == 3


def test_two_clusters_that_start_never_get_the_same_folder(tmp_path: Path) -> None:
    image_store.park(_ended(tmp_path / "first", snapshots=1))
    assert image_store.has_past(_started(tmp_path / "second"))
    third = _started(tmp_path / "third")
    assert not image_store.has_past(third)
    assert not (third / "containerd").exists()


def test_the_very_first_cluster_starts_with_nothing(tmp_path: Path) -> None:
    assert not image_store.has_past(_started(tmp_path / "first"))


def test_a_folder_of_too_many_images_is_not_kept(tmp_path: Path) -> None:
    image_store.park(_ended(tmp_path / "first", snapshots=201))
    assert (tmp_path / "first" / "containerd").exists()
    assert not image_store.has_past(_started(tmp_path / "second"))


def test_a_cluster_that_never_ran_leaves_nothing_to_keep(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    image_store.park(tmp_path / "first")
    assert not image_store.has_past(_started(tmp_path / "second"))


def test_only_the_two_folders_that_were_parked_last_are_kept(tmp_path: Path, cache: Path) -> None:
    for name in ("a", "b", "c"):
        image_store.park(_ended(tmp_path / name, snapshots=1))
    assert len(list((cache / "image-stores").iterdir())) == 2
