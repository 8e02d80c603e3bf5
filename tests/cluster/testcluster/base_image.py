"""The image that ours are built on where there is no docker: a small Debian made by debootstrap."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from testcluster import paths, progress, versions
from testcluster.buildah import Buildah

_LIMIT = 1200  # seconds
_NOT_NEEDED = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale")


def key(suite: str, packages: tuple[str, ...]) -> str:
    """Names a base image by what it is made of."""
    return hashlib.sha256(json.dumps([suite, sorted(packages), _NOT_NEEDED]).encode()).hexdigest()[:12]


def ensure(buildah: Buildah, pinned: versions.Versions) -> str:
    """The name of the base image in buildah's store; makes it where it is missing."""
    made_of = key(pinned.base_suite, pinned.base_packages)
    name = f"localhost/penstock/base:{made_of}"
    if buildah.identity(name) is None:
        archive = paths.cache() / "base" / f"{made_of}.tar"
        _remove_left(archive.parent)
        if not archive.exists():
            _bootstrap(pinned, archive)
        with tempfile.TemporaryDirectory(prefix="import-", dir=archive.parent) as folder:
            (Path(folder) / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
            (Path(folder) / "base.tar").hardlink_to(archive)
            buildah.build(name, Path(folder) / "Dockerfile", Path(folder), {}, "importing the base image")
    return name


def _remove_left(folder: Path) -> None:
    """What a maker that was killed has left: the images' lock is ours."""
    for left in (*folder.glob("root-*"), *folder.glob("import-*")):
        shutil.rmtree(left)


def _bootstrap(pinned: versions.Versions, archive: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="root-", dir=archive.parent))
    log = paths.cache() / "logs" / "debootstrap.log"
    include = ",".join(pinned.base_packages)
    command = ["debootstrap", "--variant=minbase", f"--include={include}", pinned.base_suite, str(root)]
    try:
        what = f"making a base image of Debian {pinned.base_suite}"
        progress.run_logged(command, log, what, timeout=_LIMIT, alone=True)
        for folder in _NOT_NEEDED:
            for entry in (root / folder).iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        root.chmod(0o755)
        draft = archive.with_suffix(".draft")
        pack = ["tar", "--numeric-owner", "--exclude=./dev/*", "-C", str(root), "-cf", str(draft), "."]
        progress.run_logged(pack, log, "packing the base image", timeout=_LIMIT)
        draft.rename(archive)
    finally:
        shutil.rmtree(root, ignore_errors=True)
