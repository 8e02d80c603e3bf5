"""`status --watch` against a real API server."""

import json
import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from penstock_testing.plugin import Plugin
from penstock_testing.plugin_rig import Rig

if TYPE_CHECKING:
    import subprocess

SECONDS = 30.0


class Watched:
    """What a plugin that stays has printed."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue(maxsize=1000)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)

    def until(self, part: str) -> list[str]:
        """The lines up to the first that has `part` in it."""
        found: list[str] = []
        while not found or part not in found[-1]:
            found.append(self._lines.get(timeout=SECONDS))
        return found


@contextmanager
def watching(plugin: Plugin, rig: Rig, *options: str) -> Iterator[Watched]:
    process = plugin.start("status", rig.name, "-n", rig.namespace, "--watch", *options)
    try:
        yield Watched(process)
    finally:
        process.kill()
        process.wait()


def test_in_a_pipe_each_change_is_a_line_and_ctrl_c_ends_it(plugin: Plugin, rig: Rig) -> None:
    with watching(plugin, rig) as watched:
        watched.until("candidate 8 25 %")
        rig.write_status(message="said by the test")
        (line,) = watched.until("said by the test")
        assert "Progressing; stable 7 75 % 0/0 pods" in line
        watched.process.send_signal(signal.SIGINT)
        _, errors = watched.process.communicate(timeout=SECONDS)
    assert watched.process.returncode == 130
    assert errors == ""


def test_as_json_each_change_is_an_object(plugin: Plugin, rig: Rig) -> None:
    with watching(plugin, rig, "-o", "json") as watched:
        (first,) = watched.until("Progressing")
        rig.write_status(phase="Paused")
        (second,) = watched.until('"Paused"')
    assert [json.loads(line)["phase"] for line in (first, second)] == ["Progressing", "Paused"]


def test_a_resource_that_is_deleted_ends_it(plugin: Plugin, rig: Rig) -> None:
    with watching(plugin, rig) as watched:
        watched.until("Progressing")
        rig.remove()
        _, errors = watched.process.communicate(timeout=SECONDS)
    assert watched.process.returncode == 1
    assert "does not exist (any more)" in errors
