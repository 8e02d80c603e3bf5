"""What a person watches: named stages with their times, on one line each while they last."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A finished stage."""

    name: str
    seconds: float


@dataclass
class Stages:
    """Prints the beginning and end of each stage, and a sign of life in between."""

    started: float = field(default_factory=time.monotonic)
    finished: list[Stage] = field(default_factory=list)

    def say(self, text: str) -> None:
        """One line with the time since the beginning."""
        print(f"[{time.monotonic() - self.started:6.1f} s] {text}", flush=True)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """A named part of the work. While it lasts it says so every ten seconds."""
        self.say(f"== {name}")
        begun, over = time.monotonic(), threading.Event()
        life = threading.Thread(target=self._sign_of_life, args=(name, begun, over), daemon=True)
        life.start()
        try:
            yield
        except BaseException:
            self.say(f"   FAILED in stage: {name}")
            raise
        finally:
            over.set()
        self.finished.append(Stage(name=name, seconds=round(time.monotonic() - begun, 1)))
        self.say(f"   done in {self.finished[-1].seconds:g} s")

    def _sign_of_life(self, name: str, begun: float, over: threading.Event) -> None:
        while not over.wait(10):
            self.say(f"   {name}: {time.monotonic() - begun:.0f} s so far")

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return round(time.monotonic() - self.started, 1)
