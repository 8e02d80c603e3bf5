"""What a person watches: one clock, and one line a stage, which changes in its place where the output is a terminal.

Elsewhere (a pipe, a CI log) nothing can be changed in its place: a stage has a line when it begins, one for each change
that is worth it, one every ten seconds in which nothing was printed, and one when it ends.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

_SILENCE = 10.0
"""Seconds after which a line says that the stage still goes on."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A finished stage."""

    name: str
    seconds: float


@dataclass
class _Running:
    """The stage that is under way, and what is known of it."""

    name: str
    begun: float
    detail: str = ""
    over: threading.Event = field(default_factory=threading.Event)


class Stages:
    """Shows stages on a console, and keeps how long each took."""

    def __init__(self, console: Console | None = None) -> None:
        self.started = time.monotonic()
        self.finished: list[Stage] = []
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._running: _Running | None = None
        self._printed_at = self.started

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return round(time.monotonic() - self.started, 1)

    def say(self, text: str) -> None:
        """Print a line that stays, with the time since the beginning."""
        self._printed_at = time.monotonic()
        self._console.print(self._line(text), soft_wrap=True)

    def show(self, detail: str) -> None:
        """Say what the running stage does now: on a terminal behind its name, elsewhere in the next sign of life."""
        if self._running:
            self._running.detail = detail

    def show_change(self, detail: str) -> None:
        """Show a detail that is worth a line of its own where lines cannot change."""
        self.show(detail)
        if not self._console.is_terminal:
            self.say(f"   {detail}")

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """A named part of the work."""
        running = _Running(name=name, begun=time.monotonic())
        self._running = running
        try:
            with self._shown(running):
                yield
        except BaseException:
            self.say(f"✗ {name}: FAILED after {time.monotonic() - running.begun:.0f} s")
            raise
        finally:
            self._running = None
        self.finished.append(Stage(name=name, seconds=round(time.monotonic() - running.begun, 1)))
        self.say(f"✓ {name}: {self.finished[-1].seconds:.0f} s")

    @contextmanager
    def _shown(self, running: _Running) -> Iterator[None]:
        if self._console.is_terminal:
            spinner = Spinner("dots")

            def line() -> Spinner:
                spinner.update(text=self._now(running))
                return spinner

            with Live(console=self._console, get_renderable=line, refresh_per_second=4, transient=True):
                yield
            return
        self.say(f"… {running.name}")
        life = threading.Thread(target=self._give_signs_of_life, args=(running,), daemon=True)
        life.start()
        try:
            yield
        finally:
            running.over.set()
            life.join()

    def _now(self, running: _Running) -> Text:
        """One line, cut at the terminal's width."""
        spent = f"{time.monotonic() - running.begun:.0f} s"
        text = self._line(f"{running.name}: {running.detail or spent}")
        text.truncate(max(20, self._console.width - 3), overflow="ellipsis")
        return text

    def _give_signs_of_life(self, running: _Running) -> None:
        while not running.over.wait(max(0.1, self._printed_at + _SILENCE - time.monotonic())):
            if time.monotonic() - self._printed_at >= _SILENCE:
                spent = f"{time.monotonic() - running.begun:.0f} s so far"
                self.say(f"   {running.name}: {running.detail or spent}")

    def _line(self, text: str) -> Text:
        return Text(f"[{time.monotonic() - self.started:5.0f} s] {text}")
