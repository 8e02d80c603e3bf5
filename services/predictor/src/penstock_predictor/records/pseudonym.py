"""What stands for a value that shall not leave the process.

The first 16 hexadecimal digits of the value's sha256, without a key: whoever holds the reference sample finds the same
digits for the same value, so that drift of such a column can be seen. It is a pseudonym, no secret: who knows which
values there may be can try them all. A column whose values must not be guessed is to be excluded.
"""

import hashlib
from typing import Any, Final

DIGITS: Final = 16
"""64 bits: among a million values two with the same digits are less likely than 1 in 10 million."""


def pseudonym(value: Any) -> str:
    """Of a number or text. What is missing (NaN, the empty text) stays the empty text: it still counts as missing."""
    text = as_text(value)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS] if text else ""


def as_text(value: Any) -> str:
    """The value as text: a number as Python writes it (FP32 widened to FP64), `true` or `false`, NaN as nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value != value else str(value)  # noqa: PLR0124 - NaN alone is not itself
