"""A member's README.md as PyPI shows it: links lead to the repository, in the version that the page is about."""

import posixpath
import re

_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_RAW = ("https://github.com/", "https://raw.githubusercontent.com/")


def with_whole_links(text: str, folder: str, source: str, revision: str) -> str:
    """Make the links whole that are relative.

    `folder`: of the page, from the repository's root. `source`: address of the repository. `revision`: a tag of it.
    """
    pages, pictures = f"{source}/blob/{revision}", f"{source.replace(*_RAW)}/{revision}"

    def whole(match: re.Match[str]) -> str:
        mark, words, target = match.groups()
        if ":" in target or target.startswith("#"):
            return match[0]
        path, hash_mark, heading = target.partition("#")
        there = posixpath.normpath(posixpath.join(folder, path))
        return f"{mark}[{words}]({pictures if mark else pages}/{there}{hash_mark}{heading})"

    return _LINK.sub(whole, text)
