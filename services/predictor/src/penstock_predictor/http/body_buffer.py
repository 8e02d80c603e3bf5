"""A body of known length that arrives in pieces."""

import numpy as np

_ALIGNMENT = 64
"""Bytes: of the widest loads that a processor has."""


class BodyBuffer:
    """Puts pieces together where the bytes from one place on are aligned: tensors there are read without a copy."""

    def __init__(self, length: int, aligned_from: int) -> None:
        room = np.empty(length + _ALIGNMENT, dtype=np.uint8)
        start = -(room.ctypes.data + aligned_from) % _ALIGNMENT
        self._view = room.data[start : start + length]
        self._filled = 0

    def add(self, piece: memoryview) -> memoryview:
        """Take what belongs to the body; return what does not."""
        taken = min(len(piece), len(self._view) - self._filled)
        self._view[self._filled : self._filled + taken] = piece[:taken]
        self._filled += taken
        return piece[taken:]

    @property
    def room(self) -> memoryview:
        """Where the bytes belong that are still to come."""
        return self._view[self._filled :]

    def fill(self, size: int) -> None:
        """So many bytes were written into the room."""
        self._filled += size

    @property
    def complete(self) -> bool:
        """Whether all of it is here."""
        return self._filled == len(self._view)

    @property
    def body(self) -> memoryview:
        """All of it, once it is complete."""
        return self._view


class BodyDrain:
    """Passes over a body that nobody will read: its request is refused already."""

    body = b""

    def __init__(self, length: int) -> None:
        self._left = length

    def add(self, piece: memoryview) -> memoryview:
        """Drop what belongs to the body; return what does not."""
        dropped = min(len(piece), self._left)
        self._left -= dropped
        return piece[dropped:]

    @property
    def complete(self) -> bool:
        """Whether all of it is here."""
        return self._left == 0
