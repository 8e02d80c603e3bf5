import json

from prometheus_client import CollectorRegistry

from penstock_predictor.features.completed_rows import CompletedRows, FeatureSource, RowSources
from penstock_predictor.features.unavailable import Cause
from penstock_predictor.metrics import MOST_FEATURES, PredictorMetrics

GIVEN, FOUND, STALE, MISSING, UNAVAILABLE = FeatureSource


def completed(columns: list[str], sources: list[list[FeatureSource]]) -> CompletedRows:
    """Rows of user u1, u2, ..., each of which lacked something. The store's values are of time 5."""
    rows = CompletedRows(columns, ["user", "shop"])
    for place, row in enumerate(sources):
        times = [5.0 if source in (FOUND, STALE) else None for source in row]
        rows.found[place] = RowSources((f"u{place}", 7), row, times)
    return rows


def test_the_header_has_nothing_of_what_there_is_none_of() -> None:
    assert completed(["a", "b"], [[GIVEN, FOUND]]).header() == b"looked_up=1"


def test_the_header_counts_values_and_names_columns_once() -> None:
    rows = completed(["a", "b", "c"], [[STALE, FOUND, MISSING], [STALE, MISSING, FOUND]])
    assert rows.header() == b"looked_up=2; defaulted=4; stale=a; missing=b,c"


def test_a_name_cannot_end_the_list_or_the_header() -> None:
    rows = completed(["a,b; \r\nc", "größe"], [[STALE, STALE]])
    assert rows.header() == b"looked_up=0; defaulted=2; stale=a%2Cb%3B%20%0D%0Ac,gr%C3%B6%C3%9Fe"


def test_many_names_are_cut_between_two() -> None:
    names = [f"column-{number}" for number in range(500)]
    header = completed(names, [[MISSING] * 500]).header()
    assert len(header) < 1100
    assert header.endswith(b",...")
    assert header.startswith(b"looked_up=0; defaulted=500; missing=column-0,column-1,")


def test_why_the_store_gave_nothing_is_named() -> None:
    rows = completed(["a"], [[UNAVAILABLE]])
    rows.cause = Cause.OPEN
    assert rows.header() == b"looked_up=0; defaulted=1; unavailable=open"


def test_columns_beyond_the_first_fifty_are_counted_together() -> None:
    registry = CollectorRegistry()
    metrics = PredictorMetrics(registry)
    names = [f"column-{number}" for number in range(MOST_FEATURES + 2)]
    metrics.name_features(names)
    completed(names, [[GIVEN, FOUND, *[STALE] * MOST_FEATURES]]).count(metrics)
    counts = {
        (sample.name.removeprefix("penstock_predictor_features_"), sample.labels["column"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if "column" in sample.labels
    }
    assert len({column for _, column in counts}) == MOST_FEATURES + 1
    assert counts["looked_up_total", "column-0"] == counts["defaulted_total", "column-0"] == 0
    assert counts["looked_up_total", "column-1"] == 1
    assert counts["stale_total", "column-2"] == counts["defaulted_total", "column-2"] == 1
    assert counts["stale_total", "_other"] == 2


def test_records_say_by_which_keys_and_of_which_time() -> None:
    rows = completed(["a", "b"], [[FOUND, MISSING], [GIVEN, STALE]])
    del rows.found[0]
    without, (told) = rows.records(2, hidden=())
    assert without == ""
    assert json.loads(told) == {
        "entities": {"user": "u1", "shop": 7},
        "columns": {"a": ["given", None], "b": ["stale", 5.0]},
    }


def test_a_key_that_is_not_to_leave_the_process_is_in_no_record() -> None:
    (told,) = completed(["a"], [[FOUND]]).records(1, hidden={"user"})
    assert json.loads(told)["entities"] == {"shop": 7}
