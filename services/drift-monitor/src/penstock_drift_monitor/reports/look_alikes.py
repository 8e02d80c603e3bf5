"""Names and categories as Evidently may see them: it writes them into a script element as they are."""

import unicodedata
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 80
"""Characters of a name or category that are shown."""

_REPLACED: Final = {"<": "‹", ">": "›", "&": "＆", '"': "”", "'": "’", "`": "ˋ"}  # noqa: RUF001 - that is the point
_CONTROL_PICTURES: Final = 0x2400
_DELETE: Final = "\x7f"
_UNSHOWABLE: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories: control, format (the direction of text), surrogate, line and paragraph separator."""


def look_alike(text: str) -> str:
    """Replace what is markup, or cannot be seen, by characters that look like it; cut what is long."""
    shown = "".join(_shown(character) for character in text[:LONGEST])
    return (shown + "…" if len(text) > LONGEST else shown) or "(empty)"


def look_alikes(texts: Iterable[str]) -> dict[str, str]:
    """Map each text to its look-alike; no two become one: a number is put behind the later."""
    made: dict[str, str] = {}
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for text in texts:
        if text in made:
            continue
        alike = plain = look_alike(text)
        while alike in taken:
            numbers[plain] = numbers.get(plain, 1) + 1
            alike = f"{plain} ({numbers[plain]})"
        taken.add(alike)
        made[text] = alike
    return made


def _shown(character: str) -> str:
    if character in _REPLACED:
        return _REPLACED[character]
    if character < " ":
        return chr(_CONTROL_PICTURES + ord(character))
    if character == _DELETE:
        return "\N{SYMBOL FOR DELETE}"
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character) in _UNSHOWABLE else character
