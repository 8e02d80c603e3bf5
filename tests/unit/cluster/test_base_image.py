from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from testcluster import base_image, paths, versions

if TYPE_CHECKING:
    from testcluster.buildah import Buildah


class ImportedImages:
    """A store without images, which lists what it finds beside the archive when it is given one."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.beside = folder, list[str]()

    def identity(self, name: str) -> None:
        return None

    def build(self, name: str, dockerfile: Path, *_: object) -> None:
        assert dockerfile.with_name("base.tar").read_text() == "packed"
        self.beside = sorted(path.name.partition("-")[0] for path in self._folder.iterdir())


def test_what_a_killed_import_left_the_next_one_removes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "cache", lambda: tmp_path)
    pinned = versions.read()
    folder = tmp_path / "base"
    for left in ("import-1", "root-2"):
        (folder / left).mkdir(parents=True)
    archive = folder / f"{base_image.key(pinned.base_suite, pinned.base_packages)}.tar"
    archive.write_text("packed")
    images = ImportedImages(folder)

    base_image.ensure(cast("Buildah", images), pinned)

    assert images.beside == [archive.name, "import"]
    assert list(folder.iterdir()) == [archive]
