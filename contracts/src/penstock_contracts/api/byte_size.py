"""Sizes as Kubernetes writes them."""

import re

PATTERN = r"^[1-9][0-9]{0,8}([KMGT]i|[kMGT])?$"
_FACTORS = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def parsed(text: str) -> int:
    """The bytes that a size such as `512Mi` means. Raises ValueError for anything that does not match `PATTERN`."""
    found = re.fullmatch(PATTERN, text)
    if found is None:
        raise ValueError(f"{text!r} is not a size: write it like 512Mi or 2Gi")
    unit = found[1] or ""
    return int(text.removesuffix(unit)) * _FACTORS[unit]
