"""The locales that our images have for text models, made as their Dockerfiles make them."""

from pathlib import Path

_UNICODE = Path("/usr/lib/locale/C.utf8")


def link_locales(folder: Path) -> Path:
    """Make the folder, to be named by LOCPATH, with en_US in it; answers it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "en_US.utf8").symlink_to(_UNICODE)
    return folder
