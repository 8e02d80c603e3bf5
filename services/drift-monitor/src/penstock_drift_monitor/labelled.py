"""Labelled answers as the database has them, for one look."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing

from penstock_contracts.drift import DriftWish
from penstock_contracts.quality import QualityReport
from penstock_drift_monitor.quality.assessment import (
    LabelledAnswer,
    VersionAnswers,
    differences,
    meaning_of,
    quality_of,
)

_NEWEST = """
SELECT a.arm, a.request, a.row, a.score, a.answer, l.label, a.at, l.received FROM
    (SELECT * FROM labels WHERE resource = ? AND joined = 1 ORDER BY id DESC LIMIT ?) AS l
    CROSS JOIN answers AS a ON a.request = l.request AND a.row = l.row
WHERE a.arm IN (SELECT id FROM arms WHERE resource = ?) ORDER BY l.id
"""


def quality_report(  # noqa: PLR0917 - handed to a thread, which takes arguments by position
    reader: Callable[[], sqlite3.Connection], namespace: str, name: str, resource: int, wish: DriftWish, limit: int
) -> QualityReport:
    """Compute quality over the newest `limit` labels. The database is only held for reading them."""
    with closing(reader()) as database:
        arms = _arms(database, resource, limit)
    meaning = meaning_of(answer for arm in arms for answer in arm.answers)
    named = {(each.version, each.digest) for each in wish.others}
    stable = next((arm for arm in arms if (arm.version, arm.digest) == (wish.stable.version, wish.stable.digest)), None)
    others = [arm for arm in arms if arm is not stable and (arm.version, arm.digest) in named]
    return QualityReport(
        namespace=namespace,
        name=name,
        versions=tuple(quality_of(arm, meaning) for arm in arms),
        differences=tuple(each for other in others for each in differences(stable, other, meaning)) if stable else (),
        rows_limit=limit,
    )


def _arms(database: sqlite3.Connection, resource: int, limit: int) -> list[VersionAnswers]:
    database.execute("BEGIN")  # one instant for both questions
    answers: dict[int, list[LabelledAnswer]] = defaultdict(list)
    for arm, request, row, score, answer, label, at, received in database.execute(_NEWEST, (resource, limit, resource)):
        answers[arm].append(
            LabelledAnswer(
                request=request, row=row, score=score, answer=answer or None, label=label, at=at, received=received
            )
        )
    arms = database.execute(
        "SELECT id, version, digest, (SELECT COUNT(*) FROM answers WHERE arm = arms.id) FROM arms WHERE resource = ? "
        "ORDER BY id",
        (resource,),
    ).fetchall()
    database.execute("COMMIT")
    return [
        VersionAnswers(version=version, digest=digest, kept=kept, answers=tuple(answers[arm]))
        for arm, version, digest, kept in arms
    ]
