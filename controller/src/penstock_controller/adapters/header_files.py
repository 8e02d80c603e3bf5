"""Headers as files that Kubernetes makes of a Secret, read anew at each use, so new ones count at once."""

from pathlib import Path

MOST_HEADERS = 16
LONGEST_VALUE = 8192
"""Bytes of one header."""


def headers_of(folder: Path) -> dict[str, str]:
    """One header for each file; empty where there is no folder. Raises ValueError for what no header can be."""
    try:
        files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    if len(files) > MOST_HEADERS:
        raise ValueError(f"its Secret has {len(files)} keys, and at most {MOST_HEADERS} headers are sent")
    return {file.name: _value(file) for file in files}


def _value(file: Path) -> str:
    value = file.read_text(encoding="utf-8").strip("\r\n")
    if not (value.isascii() and value.isprintable()) or len(value) > LONGEST_VALUE:
        raise ValueError(f"its Secret's key {file.name} holds what no header can: write one line of plain ASCII")
    return value
