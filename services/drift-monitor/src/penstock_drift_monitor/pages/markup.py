"""HTML that cannot hold a text unescaped: only what was built here is markup."""

from html import escape
from typing import Final

_VOID: Final = ("meta", "link")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *content: str | None, **attributes: str | None) -> Markup:
    """Build an element. Content that is no Markup is text, and escaped; None is nothing.

    An attribute's trailing underscore is dropped and others become hyphens: `class_`, `aria_label`.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{joined(*content)}</{tag}>")


def joined(*content: str | None) -> Markup:
    """Put parts one after another, texts escaped."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in content if part is not None))
