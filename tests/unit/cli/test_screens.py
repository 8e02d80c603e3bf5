"""The screens in the user's page are what the code shows. `make screens` writes them anew."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from rich.console import RenderableType

from penstock_cli.command import Command, SentCommand
from penstock_cli.comparison import ComparedRevision, differences, find_revision
from penstock_cli.lines import course_text, summary_line, with_time
from penstock_cli.rollout_view import RolloutReading, rollout_view
from penstock_cli.screen import screen
from penstock_cli.tables import history_table, rollout_table
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.verbs import Verb

PAGE = Path(__file__).parents[3] / "docs" / "user" / "kubectl-penstock.md"
SCREENS = re.compile(r"(<!-- screen: (\w+) (\d+) -->\n```text\n)(.*?)(```\n)", re.DOTALL)
FORBIDDEN = (
    'you lack a right: services "http:penstock-model-store:8080" is forbidden: User "jane" cannot get resource '
    '"services/proxy" in API group "" in the namespace "penstock-system"'
)
PrintPlain = Callable[[RenderableType, int], str]


@pytest.fixture
def screens(reading: RolloutReading, now: datetime, print_plain: PrintPlain) -> dict[str, Callable[[int], str]]:
    """Each kind of screen, by its columns."""
    rollout, status = rollout_view(reading), reading.resource.status
    command = Command(namespace="payments", name="fraud-detector", verb=Verb.ABORT)
    sent = SentCommand(command=command, value="12/5", uid="5d0c")
    return {
        "status": lambda width: print_plain(screen(rollout, now, width), width),
        "get": lambda width: print_plain(rollout_table([rollout], width, with_namespace=True), width),
        "history": lambda width: print_plain(history_table(status.history, now, width), width),
        "line": lambda _: with_time(summary_line(rollout) + course_text(rollout), now) + "\n",
        "diff": lambda _: "".join(f"{each}\n" for each in differences(*compared(status))),
        "abort": lambda _: f"$ kubectl penstock abort fraud-detector -n payments\n{sent.summary}\n",
    }


def compared(status: ModelDeploymentStatus) -> list[ComparedRevision]:
    """Of the older one only the record is left."""
    older, newer = find_revision(status, "10"), find_revision(status, "11")
    gone = f"the Deployment of revision {older.revision} is gone"
    unreadable = "read the card of sha256:d3b07384d113 from Service penstock-system/penstock-model-store: " + FORBIDDEN
    return [replace(older, no_pod_spec=gone, no_card=unreadable), replace(newer, no_card=unreadable)]


def test_the_pages_screens_are_what_the_code_shows(screens: dict[str, Callable[[int], str]]) -> None:
    page = PAGE.read_text()

    def anew(found: re.Match[str]) -> str:
        return found[1] + screens[found[2]](int(found[3])) + found[5]

    written = SCREENS.sub(anew, page)
    if os.environ.get("PENSTOCK_UPDATE_SCREENS"):
        PAGE.write_text(written)
    assert page == written or os.environ.get("PENSTOCK_UPDATE_SCREENS"), "run `make screens`"


def test_the_page_has_each_kind_of_screen(screens: dict[str, Callable[[int], str]]) -> None:
    assert {found[2] for found in SCREENS.finditer(PAGE.read_text())} == screens.keys()


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("kind", ["status", "get", "history"])
def test_no_line_is_longer_than_the_screen(kind: str, width: int, screens: dict[str, Callable[[int], str]]) -> None:
    assert max(map(len, screens[kind](width).splitlines())) <= width
