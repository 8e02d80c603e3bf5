"""Builds what goes to PyPI: for each published member a source distribution, and from that a wheel.

    python -m release.distributions build/dist

A member is built from a copy of the files that git knows or would add, with the project's LICENSE beside them, so that
what lies about in a clone never gets in.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from release import version
from release.members import WorkspaceMember, all_members
from release.programs import run
from release.readme import with_whole_links

_SECONDS = 1800  # that a compiled wheel may take


def build_all(there: Path, root: Path = version.ROOT) -> list[Path]:
    """Build all published members into an emptied folder; answers the files."""
    shutil.rmtree(there, ignore_errors=True)
    there.mkdir(parents=True)
    return [file for member in all_members(root) if member.is_published for file in build(member, there, root)]


def build(
    member: WorkspaceMember,
    there: Path,
    root: Path = version.ROOT,
    *,
    python: Path = Path(sys.executable),
    environment: Mapping[str, str] | None = None,
) -> tuple[Path, Path]:
    """Build one member with the hatchling of `python`; answers its source distribution and its wheel."""
    with TemporaryDirectory() as draft:
        stage(member, Path(draft) / "sources", root)
        source = _hatchling("sdist", Path(draft) / "sources", Path(draft) / "out", python, environment)
        run("tar", "--extract", "--gzip", "--file", source, "--directory", draft)
        unpacked = Path(draft) / source.name.removesuffix(".tar.gz")
        wheel = _hatchling("wheel", unpacked, Path(draft) / "out", python, environment)
        return Path(shutil.copy2(source, there)), Path(shutil.copy2(wheel, there))


def stage(member: WorkspaceMember, there: Path, root: Path) -> None:
    """Copy what the member's distributions are made from."""
    folder = str(member.folder.relative_to(root))
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder, folder=root)
    for name in filter(None, listed.split("\0")):
        target = there / Path(name).relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target)
    shutil.copy2(root / "LICENSE", there)
    page = there / "README.md"
    page.write_text(with_whole_links(page.read_text(), folder, member.source, f"v{version.read(root)}"))


def _hatchling(target: str, sources: Path, out: Path, python: Path, environment: Mapping[str, str] | None) -> Path:
    """Build one distribution; answers its file."""
    before = set(out.glob("*"))
    how = ("--target", target, "--directory", str(out))
    run(python, "-m", "hatchling", "build", *how, folder=sources, environment=environment, seconds=_SECONDS)
    (made,) = set(out.glob("*")) - before
    return made


if __name__ == "__main__":
    for made in build_all(Path(sys.argv[1])):
        print(made)
