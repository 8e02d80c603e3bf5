"""What a person watches while the demo runs."""

import io
import re

import pytest
from rich.console import Console

from penstock_testing.stages import Stages


def stages_on(*, terminal: bool) -> tuple[Stages, io.StringIO]:
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=60, highlight=False, color_system=None)
    return Stages(console), written


def lines_of(written: io.StringIO) -> list[str]:
    """What stands there, without the clock."""
    return [re.sub(r"^\[ *\d+ s\] ", "", line) for line in written.getvalue().splitlines()]


def test_in_a_pipe_a_stage_has_a_line_at_its_beginning_for_each_change_and_at_its_end() -> None:
    stages, written = stages_on(terminal=False)
    with stages.stage("Images"):
        stages.show("building image gateway: 5 s so far")
        stages.show_change("pushed 4 of 5")
    assert lines_of(written) == ["… Images", "   pushed 4 of 5", "✓ Images: 0 s"]
    assert [stage.name for stage in stages.finished] == ["Images"]


def test_on_a_terminal_a_stage_leaves_one_line_whatever_it_showed() -> None:
    stages, written = stages_on(terminal=True)
    with stages.stage("Images"):
        stages.show("building image gateway")
        stages.show_change("pushed 4 of 5")
        stages.say("   version 1: test AUC 0.912")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.getvalue()).replace("\r", "\n")
    kept = [line for line in plain.splitlines() if re.match(r"\[ *\d+ s\] [^I]", line)]
    assert [re.sub(r"^\[ *\d+ s\] ", "", line) for line in kept] == ["   version 1: test AUC 0.912", "✓ Images: 0 s"]


def test_a_stage_that_fails_says_so_and_is_not_counted_as_finished() -> None:
    stages, written = stages_on(terminal=False)
    with pytest.raises(RuntimeError, match="no room"), stages.stage("Images"):
        raise RuntimeError("no room")
    assert lines_of(written) == ["… Images", "✗ Images: FAILED after 0 s"]
    assert stages.finished == []


def test_a_long_line_is_cut_at_the_width_of_the_terminal() -> None:
    stages, written = stages_on(terminal=True)
    with stages.stage("Images"):
        stages.show("x" * 200)
    assert max(len(line) for line in re.split(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n", written.getvalue())) <= 60
