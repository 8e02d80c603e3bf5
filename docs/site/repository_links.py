"""On the site, a link out of `docs` leads into the repository; on GitHub the same link is a relative one."""

from pathlib import Path
from typing import Any

from release.readme import with_whole_links

_DOCS = Path(__file__).resolve().parents[1]
_REVISION = "main"


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: object) -> str:
    """Make whole the links to what is in the repository and not on the site. mkdocs finds the link to nothing."""
    folder = (Path("docs") / page.file.src_uri).parent
    return with_whole_links(markdown, str(folder), config.repo_url, _REVISION, leave=_is_for_mkdocs)


def _is_for_mkdocs(path: str) -> bool:
    target = _DOCS.parent / path
    return target.is_relative_to(_DOCS) or not target.exists()
