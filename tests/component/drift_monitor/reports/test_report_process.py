"""Reports made by the real process with the real Evidently."""

import asyncio
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock_contracts.drift import ColumnDrift, DriftVerdict
from penstock_drift_monitor.reports.failure import FailureReason, ReportFailed
from penstock_drift_monitor.reports.job import Report, ReportJob, make_report
from penstock_drift_monitor.reports.look_alikes import look_alike

HOSTILE = "</script><script>alert(1)</script>"
ROWS = 5000
GIB = 2**30
SECONDS = 240.0
"""Of a process, on a machine that does other things, too."""


def _verdict(name: str, score: float, verdict: DriftVerdict | None = None) -> ColumnDrift:
    decided = DriftVerdict.DRIFT if score >= 13.6 else DriftVerdict.NO_DRIFT
    return ColumnDrift(
        name=name, test="shape", verdict=verdict or decided, score=score, threshold=13.6, rows=ROWS, message=HOSTILE
    )


def _columns(rng: np.random.Generator) -> dict[str, Any]:
    """Twenty that Evidently can take, and what it is given beside them."""
    plain = {f"plain_{number}": rng.normal(size=ROWS) for number in range(8)}
    return plain | {
        HOSTILE: rng.normal(size=ROWS),
        look_alike(HOSTILE): rng.normal(size=ROWS),
        "hostile categories": rng.choice(np.array([HOSTILE, "fine", look_alike(HOSTILE)], dtype=object), ROWS).tolist(),
        "flag": rng.random(ROWS) < 0.3,
        "ten thousand categories": [f"user-{place}" for place in rng.integers(0, 10_000, ROWS)],
        "enormous": np.where(rng.random(ROWS) < 0.01, 1e308, rng.normal(size=ROWS)),
        "infinite": np.where(rng.random(ROWS) < 0.01, np.inf, rng.normal(size=ROWS)),
        "constant": np.zeros(ROWS),
        "Index": rng.normal(size=ROWS),
        "label": rng.integers(0, 5, ROWS),
        "": rng.normal(size=ROWS),
        "prediction": rng.random(ROWS),
    }


@pytest.fixture(scope="module")
def job() -> ReportJob:
    rng = np.random.default_rng(7)
    reference, current = _columns(rng), _columns(rng)
    reference["all missing"] = rng.normal(size=ROWS)
    current["all missing"] = np.full(ROWS, np.nan)
    verdicts = [_verdict(name, 30.0 - 2 * place) for place, name in enumerate(reference)]
    verdicts[1] = _verdict("plain_1", 3.0, DriftVerdict.INCONCLUSIVE)
    return ReportJob(
        title=f"demo/{HOSTILE}",
        reference=reference,
        current=current,
        columns=tuple(verdicts),
        labels=[None if draw > 0.5 else int(draw < 0.2) for draw in rng.random(ROWS)],
        dataset_drift=False,
        message=HOSTILE,
    )


@pytest.fixture(scope="module")
def report(job: ReportJob) -> Report:
    return asyncio.run(make_report(job, seconds=SECONDS, memory_bytes=GIB))


def _theirs(report: Report) -> dict[str, tuple[str, float]]:
    """Status and score of each column in Evidently's own JSON."""
    statuses = {
        test["metric_config"]["params"]["column"]: test["status"]
        for test in report.summary["drift"]["tests"]
        if test["id"] == "drift"
    }
    scores = {
        metric["config"]["column"]: metric["value"]
        for metric in report.summary["drift"]["metrics"]
        if metric["config"]["type"].endswith(":ValueDrift")
    }
    return {name: (status, scores[name]) for name, status in statuses.items()}


def test_hostile_names_categories_and_messages_are_nowhere_in_the_page_as_they_are(report: Report) -> None:
    page = report.html.decode()

    assert page.count(HOSTILE) == 0
    assert "<script>alert" not in page
    assert look_alike(HOSTILE) in page  # a person still recognises it
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=.?https?:", page)


def test_each_column_has_our_verdict_and_score_in_evidentlys_own_json(job: ReportJob, report: Report) -> None:
    shown = {column["name"]: column["shown_as"] for column in report.summary["columns"] if column["shown"]}

    assert len(shown) == len(set(shown.values())) == 20
    assert _theirs(report) == {
        shown[column.name]: ("FAIL" if column.verdict is DriftVerdict.DRIFT else "SUCCESS", column.score)
        for column in job.columns
        if column.name in shown
    }


def test_a_verdict_that_is_not_there_yet_is_not_shown_as_no_drift(report: Report) -> None:
    (test,) = [
        test for test in report.summary["drift"]["tests"] if test["metric_config"]["params"].get("column") == "plain_1"
    ]

    assert "NO VERDICT YET" in test["description"]


def test_the_data_set_is_said_to_drift_or_not_as_we_say_it(report: Report) -> None:
    (share,) = [test for test in report.summary["drift"]["tests"] if test["id"] != "drift"]

    assert share["status"] == "SUCCESS"  # no drift, though nearly half of the columns drift


def test_a_column_without_values_is_left_out_with_the_reason_and_the_others_are_shown(report: Report) -> None:
    left_out = {column["name"]: column["left_out"] for column in report.summary["columns"] if not column["shown"]}

    assert left_out == {"all missing": "no value in the window: all are missing or not finite"}
    assert b"no value in the window: all are missing or not finite" in report.html


def test_rare_categories_are_counted_together(report: Report) -> None:
    counts = [
        metric["value"]["counts"]
        for metric in report.summary["summary"]["metrics"]
        if metric["config"]["type"].endswith(":UniqueValueCount")
        and metric["config"]["column"] == "ten thousand categories"
    ]

    assert [len(found) for found in counts] == [30]
    assert re.search(r"\(other: [\d]{4} values\)", json.dumps(counts))


def test_quality_is_of_the_labelled_rows(report: Report) -> None:
    quality = {metric["metric_name"].split("(")[0]: metric["value"] for metric in report.summary["quality"]["metrics"]}

    assert 0.4 < quality["RocAuc"] < 0.6
    assert any(re.fullmatch(r"Quality is of [\d,]+ labelled rows of the window\.", n) for n in report.summary["notes"])
    json.dumps(report.summary, allow_nan=False)


async def test_one_row_against_one_row_with_a_few_classes_is_a_report() -> None:
    one: dict[str, Any] = {"amount": [1.0], "shop": ["a"], "prediction": [2]}
    job = ReportJob(
        title="one row",
        reference=one,
        current=one | {"amount": [5.0]},
        columns=(
            _verdict("amount", 0.0, DriftVerdict.INCONCLUSIVE),
            _verdict("shop", 0.0),
            _verdict("prediction", 0.0),
        ),
        labels=[2],
    )

    report = await make_report(job, seconds=SECONDS, memory_bytes=GIB)

    assert _theirs(report) == dict.fromkeys(("amount", "shop", "prediction"), ("SUCCESS", 0.0))
    assert report.summary["notes"] == ["No quality: 1 labelled rows have 1 classes, two are needed."]
    assert report.summary["quality"] is None


@pytest.mark.parametrize("classes", [2, 3])
async def test_predicted_classes_are_compared_with_labels(classes: int) -> None:
    labels = [row % classes for row in range(60)]
    predictions = [float(label) if row % 10 else 0.0 for row, label in enumerate(labels)]
    sample = {"prediction": predictions}
    job = ReportJob(
        title="classes",
        reference=sample,
        current=sample,
        columns=(_verdict("prediction", 20.0),),
        labels=labels,
        dataset_drift=True,
    )

    report = await make_report(job, seconds=SECONDS, memory_bytes=GIB)

    wrong = sum(label != int(told) for label, told in zip(labels, predictions, strict=True))
    (accuracy,) = [
        metric["value"]
        for metric in report.summary["quality"]["metrics"]
        if metric["metric_name"].startswith("Accuracy")
    ]
    assert accuracy == pytest.approx(1 - wrong / 60)
    assert [test["status"] for test in report.summary["drift"]["tests"]] == ["FAIL", "FAIL"]


def _processes() -> Iterator[int]:
    """Of this test's process, those that make reports."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if b"penstock_drift_monitor.reports.process" in command and parent == os.getpid():
            yield int(folder.name)


def _until_a_process_runs() -> None:
    give_up = time.monotonic() + 60
    while not list(_processes()):
        assert time.monotonic() < give_up, "no process was started"
        time.sleep(0.01)


def _small() -> ReportJob:
    sample = {"amount": [1.0, 2.0, 3.0]}
    return ReportJob(title="small", reference=sample, current=sample, columns=(_verdict("amount", 1.0),))


async def test_a_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(ReportFailed) as failed:
        await make_report(_small(), seconds=0.5, memory_bytes=GIB)

    assert failed.value.reason is FailureReason.TIME_LIMIT_EXCEEDED
    assert list(_processes()) == []


@pytest.mark.parametrize("mebibytes", [64, 200])
async def test_a_process_that_needs_too_much_memory_is_ended(mebibytes: int) -> None:
    with pytest.raises(ReportFailed) as failed:
        await make_report(_small(), seconds=SECONDS, memory_bytes=mebibytes * 2**20)

    assert failed.value.reason is FailureReason.MEMORY_LIMIT_EXCEEDED, failed.value.message
    assert f"{mebibytes} MiB" in failed.value.message
    assert list(_processes()) == []


async def test_who_gives_up_leaves_no_process_and_the_next_gets_its_turn() -> None:
    given_up = asyncio.create_task(make_report(_small(), seconds=SECONDS, memory_bytes=GIB))
    await asyncio.to_thread(_until_a_process_runs)
    waiting = asyncio.create_task(make_report(_small(), seconds=0.5, memory_bytes=GIB))
    await asyncio.sleep(0)

    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    with pytest.raises(ReportFailed) as failed:
        await waiting

    assert failed.value.reason is FailureReason.TIME_LIMIT_EXCEEDED  # so it was its turn
    assert list(_processes()) == []


async def test_a_report_of_no_rows_starts_no_process() -> None:
    job = ReportJob(title="none", reference={"amount": [1.0]}, current={"amount": []}, columns=(_verdict("amount", 0),))

    with pytest.raises(ReportFailed, match="the window has no rows") as failed:
        await make_report(job, seconds=SECONDS, memory_bytes=GIB)

    assert failed.value.reason is FailureReason.NO_DATA
