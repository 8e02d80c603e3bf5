"""Which paths of an artifact may touch the store's disk."""

import posixpath

from penstock_model_store.errors import PathRefused

MAX_PATH = 512
_FIRST_PRINTABLE = " "


def checked_path(path: str) -> str:
    """Give back a path of a listing, relative and with forward slashes.

    Raises PathRefused for everything that could mean another place: absolute, `..`, drive letters, backslashes,
    control characters, names that are not Unicode, and what is longer than MAX_PATH.
    """
    if not is_plain(path):
        raise PathRefused(
            f"path {path[:MAX_PATH]!r} leaves the artifact's folder or cannot be named safely: "
            f"rename the file to a plain relative path of at most {MAX_PATH} characters"
        )
    return path


def is_plain(path: str) -> bool:
    """Tell whether a path is relative, normal, printable and stays below its folder."""
    parts = path.split("/")
    return (
        0 < len(path) <= MAX_PATH
        and not any(part in {"", ".", ".."} for part in parts)
        and path[1:2] != ":"
        and not any(character == "\\" or character < _FIRST_PRINTABLE or character == "\x7f" for character in path)
        and _is_unicode(path)
    )


def parent_of(path: str) -> str:
    """The folder of a file of the artifact; empty for the artifact's own folder."""
    return posixpath.dirname(path)


def joined(folder: str, path: str) -> str:
    """A path below a folder of the artifact."""
    return f"{folder}/{path}" if folder else path


def _is_unicode(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
