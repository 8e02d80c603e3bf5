"""Rows that two versions answered under one request id, once for a user and once as a copy: found as records come."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from penstock_contracts.drift import ServedVersion
from penstock_drift_monitor.intake import AnsweredRow, ReadableBatch


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer in the database."""

    number: int
    """Later ones have higher numbers."""
    score: float | None
    named: str | None
    """The class that the model named."""
    shadow: bool
    at: float


@dataclass(frozen=True, slots=True)
class NewPair:
    """A row of a batch that completes a pair."""

    place: int
    """Of the batch's answered rows."""
    row: AnsweredRow
    partner: StoredAnswer
    """The other version's answer, which came before."""


def arm_of(database: sqlite3.Connection, resource: int, served: ServedVersion) -> int | None:
    """The number under which a version's answers are kept; None: none ever came."""
    found = database.execute(
        "SELECT id FROM arms WHERE resource = ? AND version = ? AND digest = ?",
        (resource, served.version, served.digest),
    ).fetchone()
    return int(found[0]) if found else None


def new_pairs(database: sqlite3.Connection, arm: int, other: int, intake: ReadableBatch) -> Iterator[NewPair]:
    """The pairs that a batch of `arm` completes, each once, however often its records are sent.

    It must be asked before the batch's answers are kept: what was kept before is known by that.
    """
    seen: set[tuple[str, int]] = set()
    known: dict[int, dict[int, StoredAnswer]] = {}
    request = ""
    for place, row in enumerate(intake.answered):
        if row.request != request:
            request, known = row.request, _answers(database, row.request, arm, other)
        key = (row.request, row.row)
        partner = known.get(other, {}).get(row.row)
        if partner is None or row.row in known.get(arm, {}) or key in seen or partner.shadow == row.shadow:
            continue
        seen.add(key)
        yield NewPair(place, row, partner)


def kept_pair(
    database: sqlite3.Connection, arms: tuple[int, int], request: str, row: int
) -> tuple[StoredAnswer, StoredAnswer] | None:
    """The answers of both arms to a row; None: there are not both, or not one of them a copy."""
    known = _answers(database, request, *arms)
    one, other = (known.get(arm, {}).get(row) for arm in arms)
    return None if one is None or other is None or one.shadow == other.shadow else (one, other)


def _answers(database: sqlite3.Connection, request: str, arm: int, other: int) -> dict[int, dict[int, StoredAnswer]]:
    """Answers to a request that are kept, by arm and row."""
    found: dict[int, dict[int, StoredAnswer]] = {}
    for number, which, row, score, answer, shadow, at in database.execute(
        "SELECT id, arm, row, score, answer, shadow, at FROM answers WHERE request = ? AND arm IN (?, ?)",
        (request, arm, other),
    ):
        found.setdefault(which, {})[row] = StoredAnswer(number, score, answer, bool(shadow), at)
    return found
