"""Work that goes on in a thread of its own beside a test."""

import threading
from abc import ABC, abstractmethod
from typing import Self


class SideWork(ABC):
    """Works from entering its context until leaving it."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join(timeout=30)

    @abstractmethod
    def _work(self) -> None:
        """Work until `_over` is set."""
