"""`status --watch` against a real API server."""

import json
import os
import pty
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock_testing.plugin import Plugin
from penstock_testing.plugin_rig import PluginRig

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
def watching(plugin: Plugin, rig: PluginRig, *options: str) -> Iterator[Watched]:
    process = plugin.start("status", rig.name, "-n", rig.namespace, "--watch", *options)
    try:
        yield Watched(process)
    finally:
        process.kill()
        process.wait()


def test_in_a_pipe_each_change_is_a_line_and_ctrl_c_ends_it(plugin: Plugin, rig: PluginRig) -> None:
    with watching(plugin, rig) as watched:
        watched.until("candidate 8 25 %")
        rig.write_status(message="said by the test")
        (line,) = watched.until("said by the test")
        assert "Progressing; stable 7 75 % 0/0 pods" in line
        watched.process.send_signal(signal.SIGINT)
        _, errors = watched.process.communicate(timeout=SECONDS)
    assert watched.process.returncode == 130
    assert errors.strip() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_ended_from_outside_or_with_its_terminal_it_leaves_no_key_of_its_user_behind(
    plugin: Plugin, rig: PluginRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with watching(plugin, rig) as watched:
        watched.until("Progressing")
        assert any("PRIVATE KEY" in file.read_text() for file in tmp_path.iterdir())
        watched.process.send_signal(number)
        _, errors = watched.process.communicate(timeout=SECONDS)
    assert watched.process.returncode == 128 + number
    assert errors.strip() == ""
    assert list(tmp_path.iterdir()) == []


def test_as_json_each_change_is_an_object(plugin: Plugin, rig: PluginRig) -> None:
    with watching(plugin, rig, "-o", "json") as watched:
        (first,) = watched.until("Progressing")
        rig.write_status(phase="Paused")
        (second,) = watched.until('"Paused"')
    assert [json.loads(line)["phase"] for line in (first, second)] == ["Progressing", "Paused"]


def test_a_resource_that_is_deleted_ends_it(plugin: Plugin, rig: PluginRig) -> None:
    with watching(plugin, rig) as watched:
        watched.until("Progressing")
        rig.remove()
        _, errors = watched.process.communicate(timeout=SECONDS)
    assert watched.process.returncode == 1
    assert "does not exist (any more)" in errors


def read_until(terminal: int, part: str) -> str:
    text = ""
    while part not in text:
        text += os.read(terminal, 65536).decode(errors="replace")
    return text


def test_on_a_terminal_it_draws_anew_and_gives_the_cursor_back(plugin: Plugin, rig: PluginRig) -> None:
    terminal, far_end = pty.openpty()
    command = plugin.command("status", rig.name, "-n", rig.namespace, "--watch")
    environment = Plugin.environment(80) | {"TERM": "xterm-256color", "LINES": "60"}
    process = subprocess.Popen(command, stdout=far_end, stderr=far_end, env=environment)
    os.close(far_end)
    try:
        assert "REVISIONS" in read_until(terminal, "RolloutStarted")
        rig.write_status(message="said by the test")
        read_until(terminal, "said by the test")
        process.send_signal(signal.SIGINT)
        read_until(terminal, "\x1b[?25h")
        assert process.wait(SECONDS) == 130
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
