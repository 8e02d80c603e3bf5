"""What a comparison of served features with those of training found: kept, shown, and told to the controller."""

import httpx
import pytest

from penstock_contracts.skew import SkewReport
from penstock_controller.rollout.monitor_answer import finding_in

from .conftest import Monitor, StartMonitor
from .traffic import WISH

SKEW = "/v1/skew/shop/fraud"
SKEWED = {
    "rows": 120,
    "max_share": 0.01,
    "features": {
        "age": {"compared": 120, "differing": 1, "reasons": {"Differs": 1}},
        "<b>minutes": {"compared": 120, "differing": 60, "reasons": {"Shifted": 60}, "hours": 4},
    },
}
AGREED = {"rows": 10, "features": {"age": {"compared": 10, "differing": 0, "reasons": {}}}}


@pytest.fixture
def monitor(start_monitor: StartMonitor) -> Monitor:
    return start_monitor()


def put(monitor: Monitor, body: object) -> httpx.Response:
    return monitor.client.put(SKEW, json=body)


def test_it_is_shown_on_the_page_and_in_what_the_controller_is_answered(monitor: Monitor) -> None:
    assert monitor.watch(WISH).skew is None
    told = SkewReport.model_validate_json(put(monitor, SKEWED).content)
    assert told.skewed == ("<b>minutes",)
    assert "<b>minutes in 50.0% (event times are off by +4 h: a time zone)" in told.message
    assert SkewReport.model_validate_json(monitor.client.get(SKEW).content) == told
    report = monitor.watch(WISH)
    assert report.skew == told
    assert (finding_in(report).skewed, finding_in(report).skew) == (True, told.message)
    page = monitor.client.get("/models/shop/fraud").text
    assert "Features, served beside training" in page
    assert "&lt;b&gt;minutes" in page
    assert "<b>minutes" not in page
    assert "50.00%" in page
    assert 'penstock_drift_skewed_features{name="fraud",namespace="shop"} 1.0' in monitor.client.get("/metrics").text


def test_the_newest_takes_the_place_of_the_one_before_and_outlives_the_process(
    monitor: Monitor, start_monitor: StartMonitor
) -> None:
    monitor.watch(WISH)
    put(monitor, SKEWED)
    assert put(monitor, AGREED).json()["skewed"] == []
    monitor.stop()
    again = start_monitor()
    found = again.watch(WISH).skew
    assert found
    assert found.message == "the 1 looked-up features of 10 served rows are what training would see"


def test_a_resource_that_is_forgotten_leaves_no_comparison(monitor: Monitor) -> None:
    monitor.watch(WISH)
    put(monitor, SKEWED)
    monitor.client.delete("/v1/resources/shop/fraud")
    monitor.watch(WISH)
    answer = monitor.client.get(SKEW)
    assert answer.status_code == 404
    assert "nobody has compared the features of shop/fraud" in answer.json()["error"]


def test_of_a_resource_that_nobody_watches_none_is_taken(monitor: Monitor) -> None:
    assert put(monitor, AGREED).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rows": 0, "features": {}},
        {"rows": 1, "features": {"age": {"compared": -1, "differing": 0}}},
        {"rows": 1, "features": {str(number): {"compared": 1, "differing": 0} for number in range(501)}},
    ],
    ids=["nothing", "no row", "a negative number", "too many features"],
)
def test_what_is_no_comparison_is_refused(monitor: Monitor, body: object) -> None:
    monitor.watch(WISH)
    assert put(monitor, body).status_code in (400, 422)
