"""Folders that cannot hold records safely."""

from pathlib import Path

import pytest

from penstock_drift_monitor.errors import VolumeUnsuitable
from penstock_drift_monitor.volume import check_file_system, file_system_of, take_folder

MOUNTS = "/dev/sda1 / ext4 rw 0 0\nserver:/share /data nfs4 rw 0 0\n/dev/sdb /data/fast xfs rw 0 0\n"


@pytest.mark.parametrize(
    ("folder", "kind"), [("/data", "nfs4"), ("/data/monitor", "nfs4"), ("/data/fast/x", "xfs"), ("/datasets", "ext4")]
)
def test_the_nearest_mount_tells_the_file_system(folder: str, kind: str) -> None:
    assert file_system_of(Path(folder), MOUNTS) == kind


def test_a_network_file_system_is_refused_with_what_to_do() -> None:
    with pytest.raises(VolumeUnsuitable, match=r"nfs4.*local file system"):
        check_file_system(Path("/data"), "nfs4")


def test_a_folder_is_taken_once(tmp_path: Path) -> None:
    with take_folder(tmp_path / "data"), pytest.raises(VolumeUnsuitable, match="another drift monitor"):
        take_folder(tmp_path / "data")
    take_folder(tmp_path / "data").close()
