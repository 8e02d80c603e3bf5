"""A model's page with its course: what is drawn, what is said, and what the page never becomes."""

import math
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
from penstock_contracts.quality import QualityReport
from penstock_drift_monitor.course.course import (
    Course,
    QualityPoint,
    RolloutPoint,
    RowsSpan,
    Tries,
    TriesSpan,
    VersionFigure,
)
from penstock_drift_monitor.pages.axes import (
    TimeSpan,
    highest_in_slices,
    last_in_slices,
    round_top,
    summed_in_slices,
)
from penstock_drift_monitor.pages.chart import Scale, band_path, step_path
from penstock_drift_monitor.pages.columns import ON_A_PAGE
from penstock_drift_monitor.pages.routes import page_routes
from penstock_drift_monitor.pages.source import ReportWindow, WatchedModel
from penstock_testing.contrast import contrast

HOSTILE = "</script><script>alert(1)</script>"
NOW = 1_800_000_000.0
HOUR = 3600.0


# --- scaling


def test_the_time_shown_is_what_was_chosen_but_no_time_before_the_first_point() -> None:
    assert TimeSpan.of("day", [NOW - 3 * 86400], NOW) == TimeSpan(NOW - 86400, NOW)
    assert TimeSpan.of("day", [NOW - HOUR, NOW], NOW) == TimeSpan(NOW - HOUR, NOW)
    assert TimeSpan.of("all", [NOW - 50 * 86400], NOW).begin == NOW - 50 * 86400
    assert TimeSpan.of("no such word", [0.0], NOW).begin == NOW - 7 * 86400
    assert TimeSpan.of("hour", [], NOW).begin < NOW, "a scale has a length"


def test_a_slice_has_its_highest_value_and_without_a_point_the_one_before() -> None:
    times, values = [5, 11, 12, 35, 40], [0.4, 0.2, 0.9, None, 0.1]
    assert highest_in_slices(times, values, TimeSpan(10, 40), 3) == [0.9, 0.9, 0.1]
    assert highest_in_slices([25], [1.0], TimeSpan(10, 40), 3) == [None, 1.0, 1.0]
    assert last_in_slices(times, values, TimeSpan(10, 40), 3) == [0.9, 0.9, 0.1]


def test_counts_are_spread_over_their_time_and_none_is_lost_within_it() -> None:
    found = summed_in_slices([(5, 15, 10.0), (15, 35, 40.0)], TimeSpan(10, 50), 4)
    assert found == [pytest.approx(15.0), pytest.approx(20.0), pytest.approx(10.0), None]


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.3, 0.5), (1, 1), (1.1, 2), (4800, 5000), (math.nan, 1)])
def test_a_scale_ends_at_a_round_number(value: float, top: float) -> None:
    assert round_top(value) == pytest.approx(top)


def test_a_line_holds_each_value_until_the_next_and_has_gaps_where_there_is_none() -> None:
    steps = [(0.0, None), (0.1, 50.0), (0.2, 50.0), (0.5, 100.0), (0.8, None), (0.9, 250.0)]
    assert step_path(steps, Scale(0, 100)) == "M100 50H500V0H800M900 0H1000"
    assert band_path([(0.0, 0.0, 100.0), (0.5, None, 1.0)], Scale(0, 100)) == "M0 0H500V100H0Z"


# --- the page


class Models:
    """One model with a course; what was asked for of it is kept."""

    def __init__(self, columns: Sequence[ColumnDrift], course: Course) -> None:
        self.asked: list[str] = []
        self._columns, self._course = tuple(columns), course

    async def watched(self) -> Sequence[WatchedModel]:
        return ()

    async def model(self, namespace: str, name: str) -> WatchedModel | None:
        return WatchedModel(
            wish=DriftWish(
                stable=ServedVersion(version="7", digest="d", revision="r"),
                rollout=RolloutFacts(phase="Progressing", weights={"7": 100}),
            ),
            report=DriftReport(
                namespace=namespace,
                name=name,
                dataset_drift=None,
                verdict=DriftVerdict.DRIFT,
                reason=DriftReason.COLUMN_DRIFT,
                message="",
                columns=self._columns,
            ),
            last_record=None,
        )

    async def quality(self, namespace: str, name: str) -> QualityReport:
        return QualityReport(namespace=namespace, name=name, versions=(), differences=(), rows_limit=1)

    async def window(self, namespace: str, name: str) -> ReportWindow | None:
        return None

    async def course(self, namespace: str, name: str, columns: Sequence[str]) -> Course:
        self.asked = list(columns)
        return self._course


class _Reader(HTMLParser):
    """Elements with their attributes; every one that was opened is closed in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


async def get(models: Models, query: str = "") -> httpx.Response:
    app = FastAPI()
    app.include_router(page_routes(models, models, clock=lambda: NOW))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://monitor") as client:
        answer = await client.get(f"/models/shop/fraud{query}")
    assert answer.status_code == 200
    return answer


def column(name: str, score: float, verdict: DriftVerdict = DriftVerdict.NO_DRIFT) -> ColumnDrift:
    return ColumnDrift(name=name, test="shape", verdict=verdict, score=score, threshold=10.0, rows=100)


def figure(value: float) -> VersionFigure:
    return VersionFigure(figure="roc_auc", value=value, low=value - 0.05, high=value + 0.04, labelled=100)


COURSE = Course(
    column_times=(NOW - HOUR, NOW - 60),
    columns={"amount": (0.2, 1.31), HOSTILE: (None, 0.5)},
    rollout=(
        RolloutPoint(at=NOW - HOUR, phase="Healthy", weights={"7": 100}, decision=""),
        RolloutPoint(at=NOW - 1800, phase="Progressing", weights={"7": 95, HOSTILE: 5}, decision=""),
        RolloutPoint(at=NOW - 60, phase=HOSTILE, weights={"7": 100}, decision=f"version 8 RolledBack {HOSTILE}"),
    ),
    tries=(TriesSpan(since=NOW - 1800, until=NOW - 60, versions={"7": Tries(tries=950, failures=19)}),),
    rows=(RowsSpan(since=NOW - HOUR, until=NOW, rows={"7": 6000, HOSTILE: 60}),),
    quality=(QualityPoint(at=NOW - 600, versions={"7": figure(0.91), HOSTILE: figure(0.86)}),),
)
COLUMNS = (column(HOSTILE, 5.0), column("amount", 13.1, DriftVerdict.DRIFT))


async def test_each_picture_says_what_it_shows_and_has_the_same_in_figures() -> None:
    page = _Reader((await get(Models(COLUMNS, COURSE))).text)
    pictures = [each for each in page.of("svg") if each.get("role") == "img"]
    names = [str(each["aria-labelledby"]).split() for each in pictures]
    ids = [each["id"] for tag in ("title", "desc") for each in page.of(tag) if "id" in each]
    assert sorted(name for both in names for name in both) == sorted(map(str, ids))
    assert len(pictures) == len(page.of("details")) == len(page.of("summary")) == 6
    assert all("aria-hidden" in each for each in page.of("svg") if each not in pictures), "keys of a legend"
    words = " ".join(page.texts["desc"])
    assert "Now version 7 100 %" in words
    assert "version 7 0.910" in words
    assert "now 1.31, highest 1.31 of the threshold" in words
    cells = page.texts["td"]
    assert {"95 %", "5 %", "2 %", "100", "1", "0.910 (0.860 to 0.950)", "1.31", "0.20"} <= set(cells)


async def test_no_name_is_markup_nothing_runs_and_no_style_stands_beside_the_one_that_is_allowed() -> None:
    answer = await get(Models(COLUMNS, COURSE), "?span=%3Cscript%3E&page=7")
    page = _Reader(answer.text)
    assert page.open == []
    assert "<script" not in answer.text
    assert not {"script", "img", "iframe", "form", "foreignObject", "image", "use"} & {tag for tag, _ in page.found}
    assert not any("style" in attributes for _, attributes in page.found), "the policy forbids it"
    assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)


async def test_versions_differ_by_more_than_their_colour_and_look_alike_on_all_charts() -> None:
    answer = await get(Models(COLUMNS, COURSE))
    dashes = dict(re.findall(r"\.line\.(\w+) \{[^}]*stroke-dasharray: ([\d ]+);", answer.text))
    assert len({*dashes.values(), "none"}) == 4
    lines = [
        str(each["class"]) for each in _Reader(answer.text).of("path") if str(each.get("class")).startswith("line")
    ]
    assert set(lines) == {"line first", "line second"}


async def test_lines_stand_out_from_every_ground_by_light_and_by_dark() -> None:
    text = (await get(Models((), COURSE))).text
    schemes = re.findall(r":root \{(.*?)\}", text, flags=re.DOTALL)
    assert len(schemes) == 2
    on: dict[str, tuple[str, ...]] = dict.fromkeys(("first", "second", "third", "fourth"), ("surface", "busy"))
    on |= {"bad": ("surface", "bad-ground"), "first": ("surface", "busy", "bad-ground"), "quiet": ("surface", "busy")}
    for scheme in schemes:
        colours = dict(re.findall(r"--([a-z-]+): #([0-9a-f]+);", scheme))
        for line, grounds in on.items():
            for ground in grounds:
                least = 4.5 if line in ("bad", "quiet") else 3  # WCAG 2.2, AA: texts, and parts of a picture
                assert contrast(colours[line], colours[ground]) >= least, (line, ground)


async def test_thousands_of_columns_come_by_pages_those_that_drift_first() -> None:
    columns = [column(f"calm {place:04}", place / 1000) for place in range(3000)]
    columns += [column("drifts a little", 1.5, DriftVerdict.DRIFT)]
    times = tuple(NOW - 480 + second for second in range(480))
    course = Course(
        column_times=times, columns={each.name: tuple(math.sin(at) + 1 for at in times) for each in columns}
    )
    models = Models(columns, course)
    first = await get(models)
    assert (models.asked[0], models.asked[1], len(models.asked)) == ("drifts a little", "calm 2999", ON_A_PAGE)
    assert "Columns 1 to 48 of 3,001." in first.text
    assert len(first.content) < 500_000
    assert "?span=hour&amp;page=2" in (await get(models, "?span=hour")).text
    await get(models, "?page=99999")
    assert models.asked[-1] == "calm 0000"
    assert len(models.asked) == 3001 - 62 * ON_A_PAGE


async def test_a_model_without_a_course_has_no_charts_and_says_nothing_of_them() -> None:
    page = _Reader((await get(Models(COLUMNS, Course()))).text)
    assert not page.of("svg")
    assert not page.of("details")
