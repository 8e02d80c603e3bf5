import pytest

from penstock_contracts.drift import ColumnDrift, DriftVerdict
from penstock_drift_monitor.reports.heading import headed
from penstock_drift_monitor.reports.order import Selection
from penstock_drift_monitor.reports.specification import ReportJob

HOSTILE = "</script><script>alert(1)</script>"
PAGE = b"<html><head></head><body><p>Evidently</p></body></html>"


def _job(drift: bool | None) -> ReportJob:
    column = ColumnDrift(
        name=HOSTILE, test=HOSTILE, verdict=DriftVerdict.INCONCLUSIVE, score=1.0, threshold=13.6, rows=3
    )
    return ReportJob(title=HOSTILE, reference={}, current={}, columns=(column,), message=HOSTILE, dataset_drift=drift)


def test_no_text_that_others_chose_is_markup_in_the_heading() -> None:
    page = headed(PAGE, _job(None), Selection({}, {HOSTILE: HOSTILE}, (HOSTILE,))).decode()

    assert "<script" not in page
    assert "</script" not in page
    assert page.count("<h1>") == page.count("<title>") == 1
    assert "<p>Evidently</p>" in page


@pytest.mark.parametrize(
    ("drift", "sentence"),
    [
        (True, "The data set drifted:"),
        (False, "The data set did not drift:"),
        (None, "Whether the data set drifted cannot be said:"),
    ],
)
def test_the_heading_says_our_verdict_on_the_data_set(drift: bool | None, sentence: str) -> None:
    assert sentence in headed(PAGE, _job(drift), Selection({}, {}, ())).decode()
