from pathlib import Path

import pytest

from penstock_model_store.disk import RealDisk
from penstock_model_store.version_index import VersionEntry, VersionIndex, VersionKey
from penstock_testing.dying_disk import DyingDisk, KilledError

KEY = VersionKey(registry="default", model="ein Modell/..: ü" + "x" * 300, version="7")
READY = VersionEntry(**vars(KEY), created_at_ms=1, digest="sha256:" + "0" * 64, judge="judge")
REFUSED = VersionEntry(
    **vars(KEY), created_at_ms=2, reason="PickleOnly", message="model.pkl is a pickle", judge="judge"
)


def test_an_entry_outlives_a_restart_under_any_model_name(tmp_path: Path) -> None:
    VersionIndex(tmp_path, RealDisk(), "judge").record(READY)

    assert VersionIndex(tmp_path, RealDisk(), "judge").find(KEY) == READY


def test_a_version_made_again_under_its_number_is_another_one(tmp_path: Path) -> None:
    index = VersionIndex(tmp_path, RealDisk(), "judge")
    index.record(READY)

    assert index.find(KEY, created_at_ms=1) == READY
    assert index.find(KEY, created_at_ms=2) is None

    index.record(REFUSED)
    assert index.find(KEY, created_at_ms=1) is None
    assert index.find(KEY, created_at_ms=2) == REFUSED


def test_versions_do_not_mix(tmp_path: Path) -> None:
    index = VersionIndex(tmp_path, RealDisk(), "judge")
    index.record(READY)

    assert index.find(VersionKey(registry="other", model=KEY.model, version="7")) is None
    assert index.find(VersionKey(registry="default", model=KEY.model, version="8")) is None


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_killed_at_every_step_the_old_entry_or_the_new_one_is_there(steps: int, tmp_path: Path) -> None:
    VersionIndex(tmp_path, RealDisk(), "judge").record(READY)
    index = VersionIndex(tmp_path, DyingDisk(steps), "judge")
    try:
        index.record(REFUSED)
        expected = REFUSED
    except KilledError:
        expected = READY

    after = VersionIndex(tmp_path, RealDisk(), "judge")

    assert after.find(KEY) == expected
    assert [path.suffix for path in (tmp_path / "versions").iterdir()] == [".json"]


def test_an_entry_that_cannot_be_read_is_forgotten(tmp_path: Path) -> None:
    VersionIndex(tmp_path, RealDisk(), "judge").record(READY)
    (path,) = (tmp_path / "versions").iterdir()
    path.write_text('{"registry":')

    assert VersionIndex(tmp_path, RealDisk(), "judge").find(KEY) is None
    assert not path.exists()


def test_what_another_judge_refused_is_asked_anew_and_what_it_took_stays(tmp_path: Path) -> None:
    """Another onnxruntime, other limits or newer code: what the advice of a refusal says to raise must help."""
    other = VersionKey(registry="default", model="other", version="1")
    taken = VersionEntry(**vars(other), created_at_ms=1, digest="sha256:" + "0" * 64)
    for entry in (REFUSED, taken):
        VersionIndex(tmp_path, RealDisk(), "onnxruntime 1.0").record(entry)

    after = VersionIndex(tmp_path, RealDisk(), "onnxruntime 2.0")

    assert after.find(KEY) is None
    assert after.find(other) is not None
