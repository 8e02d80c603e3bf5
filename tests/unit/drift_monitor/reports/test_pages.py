"""The monitor's pages, asked for over HTTP; reports are made by a stand-in for the process."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser

import httpx
import pytest
from fastapi import FastAPI

from penstock_contracts.drift import (
    ColumnDrift,
    DriftReason,
    DriftReport,
    DriftVerdict,
    DriftWish,
    RolloutFacts,
    ServedVersion,
)
from penstock_contracts.quality import QualityDifference, QualityReport, QualityTask, VersionQuality
from penstock_drift_monitor.course.course import Course
from penstock_drift_monitor.pages.report_routes import report_routes
from penstock_drift_monitor.pages.routes import page_routes
from penstock_drift_monitor.pages.source import ReportWindow, WatchedModel
from penstock_drift_monitor.reports.failure import FailureReason, ReportFailed
from penstock_drift_monitor.reports.job import Report, ReportJob
from penstock_testing.contrast import contrast

HOSTILE = "</script><script>alert(1)</script>"
_VOID = ("meta", "link")


class Models:
    """A source that holds what it was given."""

    def __init__(self, *models: WatchedModel, quality: QualityReport | None = None) -> None:
        self._models = models
        self._quality = quality

    async def watched(self) -> Sequence[WatchedModel]:
        return self._models

    async def model(self, namespace: str, name: str) -> WatchedModel | None:
        found = (m for m in self._models if (m.report.namespace, m.report.name) == (namespace, name))
        return next(found, None)

    async def quality(self, namespace: str, name: str) -> QualityReport:
        return self._quality or QualityReport(
            namespace=namespace, name=name, versions=(), differences=(), rows_limit=100
        )

    async def window(self, namespace: str, name: str) -> ReportWindow | None:
        if await self.model(namespace, name) is None:
            return None
        return ReportWindow(reference={"amount": [1.0]}, current={"amount": [2.0]}, labels=[1])

    async def course(self, namespace: str, name: str, columns: Sequence[str]) -> Course:
        return Course()


class Press:
    """Makes reports at once, or fails as it is told."""

    def __init__(self, failure: ReportFailed | None = None) -> None:
        self._failure = failure
        self.jobs: list[ReportJob] = []

    async def make(self, job: ReportJob) -> Report:
        self.jobs.append(job)
        if self._failure is not None:
            raise self._failure
        return Report(b"<html>plots</html>", {"title": HOSTILE, "made": len(self.jobs)})


def _version(version: str) -> ServedVersion:
    return ServedVersion(version=version, digest="sha256:0", revision="r1")


def _model(
    name: str = "fraud",
    verdict: DriftVerdict = DriftVerdict.DRIFT,
    columns: tuple[ColumnDrift, ...] = (),
    last: str | None = "2026-03-01T10:00:00Z",
) -> WatchedModel:
    return WatchedModel(
        wish=DriftWish(
            stable=_version("7"),
            others=(_version("8"), _version("6")),
            rollout=RolloutFacts(
                phase="Progressing", weights={"7": 95, "8": 5}, decision=f"version 6 Promoted {HOSTILE}"
            ),
        ),
        report=DriftReport(
            namespace="demo",
            name=name,
            dataset_drift=None,
            verdict=verdict,
            reason=DriftReason.DATASET_DRIFT,
            message=f"look upstream {HOSTILE}",
            columns=columns,
            rows=123456,
            reference_rows=2000,
            dropped=17,
            window_from="2026-02-28T10:00:00Z",
            window_to="2026-03-01T10:00:00Z",
        ),
        last_record=last,
    )


def _column(name: str, score: float, verdict: DriftVerdict, since: str | None = None) -> ColumnDrift:
    return ColumnDrift(
        name=name, test="spread", verdict=verdict, score=score, threshold=13.6, rows=5000, since=since, message=HOSTILE
    )


COLUMNS = (
    _column("quiet", 1.25, DriftVerdict.NO_DRIFT),
    _column(HOSTILE, 18.5, DriftVerdict.DRIFT, "2026-03-01T09:00:00Z"),
    _column("young", float("-inf"), DriftVerdict.INCONCLUSIVE),
)


class _Reader(HTMLParser):
    """Text by cells, and whether every element that was opened is closed in turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


async def _get(
    path: str,
    *models: WatchedModel,
    press: Press | None = None,
    clock: Sequence[float] = (0.0,),
    quality: QualityReport | None = None,
) -> httpx.Response:
    (answer,) = await _get_all((path,), *models, press=press, clock=clock, quality=quality)
    return answer


async def _get_all(
    paths: Sequence[str],
    *models: WatchedModel,
    press: Press | None = None,
    clock: Sequence[float] = (0.0,),
    quality: QualityReport | None = None,
) -> list[httpx.Response]:
    source, times = Models(*models, quality=quality), list(clock)
    app = FastAPI()
    app.include_router(page_routes(source, source))
    make = (press or Press()).make
    app.include_router(report_routes(source, make, lambda: times.pop(0) if len(times) > 1 else times[0]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://monitor") as client:
        return [await client.get(path) for path in paths]


async def test_the_fleet_lists_every_model_and_those_that_need_somebody_first() -> None:
    answer = await _get(
        "/",
        _model("a-quiet", DriftVerdict.NO_DRIFT),
        _model("b-young", DriftVerdict.INCONCLUSIVE, last=None),
        _model("c-blind", DriftVerdict.ERROR),
        _model("d-drifting", DriftVerdict.DRIFT, COLUMNS),
    )

    heads, *rows = _Reader(answer.text).rows
    assert heads == [
        "Model", "Phase", "Versions", "Verdict", "Reason", "Columns", "Rows", "Dropped", "Last record",
        "Last decision",
    ]  # fmt: skip
    assert [row[0] for row in rows] == ["demo/d-drifting", "demo/c-blind", "demo/b-young", "demo/a-quiet"]
    assert rows[0] == [
        "demo/d-drifting", "Progressing", "7 (stable, 95 %), 8 (5 %), 6", "Drift", "DatasetDrift", "1 of 3 drift",
        "123,456", "17", "2026-03-01T10:00:00Z", f"version 6 Promoted {HOSTILE}",
    ]  # fmt: skip
    assert [row[3] for row in rows] == ["Drift", "Error", "Inconclusive", "No drift"]
    assert rows[2][-2] == "never"
    assert "1 drift, 1 cannot be judged, 1 inconclusive, 1 without drift" in answer.text


async def test_a_fleet_of_none_says_how_a_model_comes_to_be_watched() -> None:
    assert "a ModelDeployment with spec.drift has its model watched" in (await _get("/")).text


async def test_a_models_page_lists_its_columns_by_odds() -> None:
    answer = await _get("/models/demo/fraud", _model(columns=COLUMNS))

    heads, *rows = _Reader(answer.text).rows
    assert heads == ["Column", "Verdict", "Test", "Score", "Threshold", "Rows", "Since", "Message"]
    assert rows[0] == [HOSTILE, "Drift", "spread", "18.50", "13.60", "5,000", "2026-03-01T09:00:00Z", HOSTILE]
    assert [(row[0], row[1], row[3]) for row in rows[1:]] == [
        ("quiet", "No drift", "1.25"),
        ("young", "Inconclusive", "none"),
    ]


def _quality_of(version: str, labelled: int, roc_auc: float | None) -> VersionQuality:
    return VersionQuality(
        version=version,
        digest="sha256:0",
        answers=1000,
        labelled=labelled,
        coverage=labelled / 1000,
        lag_seconds=3.0,
        task=QualityTask.BINARY if roc_auc else QualityTask.UNKNOWN,
        roc_auc=roc_auc,
    )


async def test_a_models_page_tells_the_quality_of_versions_that_have_labels_and_how_they_differ() -> None:
    difference = QualityDifference(
        stable="7", other="8", figure="roc_auc", rows=400, pairs=40, stable_value=0.91, other_value=0.86,
        mean=-0.05, low=-0.09, high=-0.01, bound=1.0,
    )  # fmt: skip
    quality = QualityReport(
        namespace="demo",
        name="fraud",
        versions=(_quality_of("7", 500, 0.91), _quality_of("8", 400, 0.86), _quality_of("9", 0, None)),
        differences=(difference,),
        rows_limit=1000,
    )
    answer = await _get("/models/demo/fraud", _model(), quality=quality)
    rows = _Reader(answer.text).rows
    assert rows[:3] == [
        ["Version", "Labelled", "Coverage", "ROC AUC", "Message"],
        ["7", "500", "50%", "0.9100", "–"],  # noqa: RUF001 - a dash
        ["8", "400", "40%", "0.8600", "–"],  # noqa: RUF001
    ]
    assert rows[4] == ["ROC AUC", "8", "7", "400", "-0.0500", "-0.0900", "-0.0100"]


async def test_a_models_page_without_labels_says_how_to_send_them() -> None:
    assert "send the truth to /v1/labels" in (await _get("/models/demo/fraud", _model())).text


async def test_a_report_shows_the_prediction_of_the_version_that_serves_under_the_samples_name() -> None:
    press = Press()
    columns = tuple(_column(f"prediction (version {version})", 1.0, DriftVerdict.NO_DRIFT) for version in ("7", "8"))
    await _get("/v1/reports/demo/fraud", _model(columns=columns), press=press)
    assert [column.name for column in press.jobs[0].columns] == ["prediction", "prediction (version 8)"]


async def test_links_are_relative_so_that_they_work_behind_a_proxy_and_lead_to_pages() -> None:
    fleet, model = await _get_all(("/", "/models/demo/fraud"), _model())

    followed = [str(page.url.join(link)) for page in (fleet, model) for link in _Reader(page.text).links[1:]]

    assert not any(link.startswith(("/", "http")) for page in (fleet, model) for link in _Reader(page.text).links)
    assert followed == [
        "http://monitor/models/demo/fraud",
        "http://monitor/",
        "http://monitor/v1/reports/demo/fraud",
        "http://monitor/v1/reports/demo/fraud.json",
    ]


@pytest.mark.parametrize("path", ["/", "/models/demo/fraud", "/models/x/%3Cscript%3Ealert(1)"])
async def test_no_text_that_others_chose_is_markup_and_nothing_is_fetched_or_run(path: str) -> None:
    answer = await _get(path, _model(columns=COLUMNS))

    read = _Reader(answer.text)
    assert "<script" not in answer.text
    assert "</script" not in answer.text
    assert not {"script", "img", "iframe", "form"} & set(read.tags)
    assert read.open == []
    assert all(link.startswith("data:") or ":" not in link for link in read.links)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_page_has_language_title_one_heading_and_a_caption_for_each_table() -> None:
    pages = await _get_all(("/", "/models/demo/fraud"), _model(columns=COLUMNS))
    for answer, columns in zip(pages, (10, 8), strict=True):
        read = _Reader(answer.text)

        assert '<html lang="en">' in answer.text
        assert [read.tags.count(tag) for tag in ("title", "h1", "main", "table", "caption")] == [1, 1, 1, 1, 1]
        assert answer.text.count('scope="col"') == columns


async def test_text_stands_out_from_its_ground_by_light_and_by_dark() -> None:
    page = (await _get("/")).text
    schemes = re.findall(r":root \{(.*?)\}", page, flags=re.DOTALL)
    on: dict[str, tuple[str, ...]] = {
        "text": ("ground", "surface"),
        "quiet": ("ground", "surface"),
        "accent": ("ground", "surface"),
    }
    on |= {"good": ("good-ground",), "wait": ("wait-ground",), "bad": ("bad-ground",)}

    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--([a-z-]+): #([0-9a-f]+);", scheme))
        for text, grounds in on.items():
            for ground in grounds:
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)  # WCAG 2.2, AA


async def test_a_report_is_served_without_an_origin_and_made_of_the_verdict_and_the_window() -> None:
    press = Press()

    answer = await _get("/v1/reports/demo/fraud", _model(columns=COLUMNS), press=press)

    assert (answer.status_code, answer.text) == (200, "<html>plots</html>")
    assert answer.headers["content-security-policy"] == (
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
        "style-src 'unsafe-inline'; img-src data:; font-src data:"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    (job,) = press.jobs
    assert (job.title, job.columns, job.labels, job.dataset_drift) == ("Drift of demo/fraud", COLUMNS, [1], None)


async def test_page_and_json_of_one_minute_are_one_report() -> None:
    press = Press()
    paths = ("/v1/reports/demo/fraud", "/v1/reports/demo/fraud.json", "/v1/reports/demo/fraud.json")

    # Kept at 0 s; asked for again at 59 s and at 60 s.
    _, soon, later = await _get_all(paths, _model(), press=press, clock=(0.0, 59.0, 60.0, 60.0))

    assert (soon.json()["made"], later.json()["made"]) == (1, 2)
    assert soon.headers["content-type"] == "application/json"
    assert "<" not in soon.text
    assert soon.json()["title"] == HOSTILE


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (FailureReason.NO_DATA, 404),
        (FailureReason.BUSY, 503),
        (FailureReason.TIME_LIMIT_EXCEEDED, 504),
        (FailureReason.MEMORY_LIMIT_EXCEEDED, 507),
        (FailureReason.CRASHED, 500),
    ],
)
async def test_a_report_that_failed_says_why_to_a_person_and_to_a_program(reason: FailureReason, status: int) -> None:
    press = Press(ReportFailed(reason, f"because of {HOSTILE}"))

    page, told = await _get_all(("/v1/reports/demo/fraud", "/v1/reports/demo/fraud.json"), _model(), press=press)

    assert page.status_code == told.status_code == status
    assert told.json() == {"error": f"because of {HOSTILE}"}
    assert reason.value in page.text
    assert "<script" not in page.text
    assert page.headers.get("retry-after") == told.headers.get("retry-after") == ("30" if status == 503 else None)


async def test_a_model_that_is_not_watched_is_not_found() -> None:
    paths = ("/models/demo/other", "/v1/reports/demo/other", "/v1/reports/demo/other.json")

    answers = await _get_all(paths, _model())

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert all("demo/other is not watched" in answer.text for answer in answers)
