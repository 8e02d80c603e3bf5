"""A page as it is shown outside of the repository: its relative links lead into the repository."""

import posixpath
import re
from collections.abc import Callable

_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_RAW = ("https://github.com/", "https://raw.githubusercontent.com/")


def with_whole_links(
    text: str, folder: str, source: str, revision: str, *, leave: Callable[[str], bool] = lambda _: False
) -> str:
    """Make the links whole that are relative.

    `folder`: of the page, from the repository's root. `source`: address of the repository. `revision`: a tag or branch
    of it. `leave`: whether the link to a path from the repository's root stays as it is.
    """
    pages, pictures = f"{source}/blob/{revision}", f"{source.replace(*_RAW)}/{revision}"

    def whole(match: re.Match[str]) -> str:
        mark, words, target = match.groups()
        if ":" in target or target.startswith("#"):
            return match[0]
        path, hash_mark, heading = target.partition("#")
        there = posixpath.normpath(posixpath.join(folder, path))
        if leave(there):
            return match[0]
        return f"{mark}[{words}]({pictures if mark else pages}/{there}{hash_mark}{heading})"

    return _LINK.sub(whole, text)
