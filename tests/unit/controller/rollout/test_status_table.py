"""The table of docs/user/status.md: what a status says in each situation, by the engine. `make screens` writes it."""

import os
import re
from pathlib import Path

import pytest

from penstock_contracts.api.status import Condition
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.status_situations import SITUATIONS, StatusSituation, kstatus_of

PAGE = Path(__file__).parents[4] / "docs" / "user" / "status.md"
TABLE = re.compile(r"(<!-- situations -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)
HEAD = ("situation", "users get", "phase", "Ready", "Reconciling", "Stalled", "STABLE", "CANDIDATE", "WEIGHT", "REASON")
EVERY = pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)


def conditions(world: RolloutWorld) -> dict[str, Condition]:
    return {item.type: item for item in world.status.conditions}


def words(world: RolloutWorld) -> dict[str, str]:
    return {kind: item.status for kind, item in conditions(world).items()}


def row(situation: StatusSituation) -> str:
    world = situation.begin()
    status, found = world.status, words(world)
    candidate = status.candidate
    columns = (
        status.stable.version if status.stable else "",
        candidate.version if candidate else "",
        str(candidate.weight) if candidate and candidate.weight is not None else "",
        status.reason or "",
    )
    told = (status.phase.value, *(found[kind] for kind in ("Ready", "Reconciling", "Stalled")))
    return _line(situation.name, situation.users, *told, *columns, kstatus_of(found))


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def test_the_pages_table_is_what_the_engine_says() -> None:
    head = (*HEAD, "kstatus")
    table = _line(*head) + _line(*("---" for _ in head)) + "".join(row(situation) for situation in SITUATIONS)
    page = PAGE.read_text()
    anew = TABLE.sub(lambda found: found[1] + table + found[3], page)
    assert table in anew
    if os.environ.get("PENSTOCK_UPDATE_SCREENS"):
        PAGE.write_text(anew)
    assert PAGE.read_text() == anew, "run `make screens`"


@EVERY
def test_ready_is_what_users_get(situation: StatusSituation) -> None:
    unanswered = situation.users in {"503", "no connection"}
    assert words(situation.begin())["Ready"] == ("False" if unanswered else "True")


@EVERY
def test_a_status_says_each_sentence_once(situation: StatusSituation) -> None:
    status = situation.begin().status
    told = [status.message, *(item.message for item in status.conditions)]
    sentences = [each.strip() for text in told for each in re.split(r"[;:.] ", text) if len(each) > len("so many ")]
    # What is refused stands in the message of the attempt that waits for it, and in the condition of all that is.
    sentences = [each for each in sentences if not each.startswith(("status.message says", "CreateWorkload"))]
    assert len(sentences) == len(set(sentences)), sentences


@EVERY
def test_the_columns_of_kubectl_get_fit_80_characters(situation: StatusSituation) -> None:
    """With a name of 16 characters: READY, STABLE, CANDIDATE, WEIGHT, REASON, AGE, each and three blanks."""
    world = situation.begin()
    widths = (16, len("READY"), len("STABLE"), len("CANDIDATE"), len("WEIGHT"), len(world.status.reason or ""), 4)
    assert sum(widths) + 3 * (len(widths) - 1) <= 80
    assert world.status.reason
