"""Reference samples as people write them."""

import io

import numpy as np
import pandas as pd
import pytest

from penstock_drift_monitor.detector.sample import Sample
from penstock_drift_monitor.judging import LoadedReference
from penstock_drift_monitor.reference_sample import BadReference, by_index, fitted, numeric_columns, read_sample

HOSTILE = "</script><script>alert(1)</script>, \"'\n;DROP TABLE"


def parquet(**columns: object) -> bytes:
    out = io.BytesIO()
    pd.DataFrame(columns).to_parquet(out)
    return out.getvalue()


def test_csv_gives_numbers_texts_booleans_and_missing() -> None:
    found = read_sample("reference.csv", b"x,flag,code,kind,label\n1,true,07,a,1\n,false,08,,0\n", {"code": "string"})
    assert np.array_equal(np.asarray(found["x"]), [1, np.nan], equal_nan=True)
    assert np.array_equal(np.asarray(found["flag"]), [1, 0])
    assert found["code"] == ["07", "08"]
    assert found["kind"] == ["a", None]
    assert "label" not in found


def test_parquet_gives_times_as_seconds_and_categories_as_texts() -> None:
    body = parquet(
        at=pd.Series([pd.Timestamp("1970-01-01T00:00:01"), pd.NaT]),
        kind=pd.Categorical(["a", None]),
        whole=[1, 2],
        flag=[True, False],
    )
    found = read_sample("reference.parquet", body, {})
    assert np.array_equal(np.asarray(found["at"]), [1.0, np.nan], equal_nan=True)
    assert found["kind"] == ["a", None]
    assert np.array_equal(np.asarray(found["whole"]), [1, 2])
    assert np.array_equal(np.asarray(found["flag"]), [1, 0])


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("reference.csv", b"", "cannot be read"),
        ("reference.csv", b"a,b\n", "no rows"),
        ("reference.csv", b"a,b\n1\n", "cannot be read"),
        ("reference.csv", b"a,a\n1,2\n", "twice"),
        ("reference.csv", b"\xff\xfe\x00a", "cannot be read|no rows"),
        ("reference.parquet", b"PAR1 no", "cannot be read"),
    ],
)
def test_a_sample_that_cannot_be_judged_says_why(path: str, body: bytes, said: str) -> None:
    with pytest.raises(BadReference, match=said):
        read_sample(path, body, {})


@pytest.mark.parametrize(
    "sample",
    [
        {"x": np.full(50, np.nan), "y": np.arange(50.0)},
        {"x": [f"value {row}" for row in range(10_000)]},
        {HOSTILE: np.arange(50.0), "": np.arange(50.0)},
        {"prediction": np.arange(50.0)},
    ],
)
def test_odd_samples_are_binned_and_live_rows_of_any_form_are_counted(sample: Sample) -> None:
    loaded = LoadedReference.of("sha256:0", 0.05, sample)
    live = {name: ["a", None] for name in sample} | {"other": np.array([1.0, np.inf])}
    reference = loaded.inputs or loaded.prediction
    assert reference is not None
    assert reference.count(loaded.fit(live, reference.columns)).rows == 2


def test_live_values_take_the_references_form() -> None:
    sample: Sample = {"x": np.arange(3.0), "code": ["7", "8", "9"]}
    live: Sample = {"x": ["1", None, "2.5"], "code": np.array([7.0, np.nan, 8.5]), "extra": np.zeros(3)}
    found = fitted(live, numeric_columns(sample), frozenset(sample))
    assert np.array_equal(np.asarray(found["x"]), [1, np.nan, 2.5], equal_nan=True)
    assert found["code"] == ["7", None, "8.5"]
    assert "extra" not in found


def test_a_column_that_is_not_recorded_or_hashed_is_not_judged() -> None:
    loaded = LoadedReference.of("d", 0.05, {"x": np.arange(9.0), "hashed": np.arange(9.0), "excluded": np.arange(9.0)})
    assert loaded.comparable({"x": np.zeros(2), "hashed": ["3fa9", "9b1c"]}) == ("x",)
    assert loaded.comparable({"renamed": np.zeros(2)}) == ()


def test_an_unnamed_tensor_of_four_columns_is_taken_by_index() -> None:
    live: Sample = {f"input[{index}]": np.full(1, float(index)) for index in range(4)}
    assert list(by_index(live, ("a", "b", "c", "d"))) == ["a", "b", "c", "d"]
    assert by_index(live, ("a", "b")) is live
