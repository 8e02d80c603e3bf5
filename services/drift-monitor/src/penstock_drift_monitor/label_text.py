"""One form for a label, whoever wrote it."""

import math
import re

_DECIMAL = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_BOOLEANS = {"true": "1", "True": "1", "TRUE": "1", "false": "0", "False": "0", "FALSE": "0"}


def label_text(value: object) -> str:
    """Write a label as text, so that equal labels are equal texts.

    A number in its shortest form: 7, 7.0, "7" and "7.0" are one label, "007" is another (a code, no number). True is
    1 and False 0, also as text: CSV has no booleans. Raises ValueError for what is no label: nothing, NaN, a list.
    """
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str) and value:
        if value in _BOOLEANS:
            return _BOOLEANS[value]
        if _DECIMAL.fullmatch(value):
            return str(int(value)) if value.lstrip("+-").isdigit() else _number(float(value))
        return value
    raise ValueError(f"{value!r} is no label: give a number, a text or a boolean")


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value!r} is no label: give a finite number")
    return str(int(value)) if value.is_integer() else repr(value)
