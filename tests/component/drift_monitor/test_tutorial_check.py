"""The check that tutorials write, with today's Evidently and its defaults, beside ours: same sample, same window."""

import json
import warnings

import httpx
import numpy as np
import pandas as pd
import pytest

from penstock_contracts.records import RecordBlock, RecordedRequest, RecordedRun

from .conftest import FileStore, StartMonitor
from .traffic import DIGEST, WISH, card, packed

ROWS, A_BATCH = 2000, 100
SHARE = 0.5
"""Of the columns, from which on both call it drift of the data set."""


def table(seed: int, *, moved: tuple[str, ...] = ()) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    shares = (0.8, 0.1, 0.1) if "shop" in moved else (1 / 3, 1 / 3, 1 / 3)
    return pd.DataFrame(
        {
            "amount": draw.normal("amount" in moved, 1, ROWS),
            "age": draw.normal("age" in moved, 1, ROWS),
            "shop": draw.choice(["a", "b", "c"], ROWS, p=shares),
        }
    )


def evidently_says(reference: pd.DataFrame, current: pd.DataFrame) -> bool:
    from evidently import Report  # type: ignore[import-untyped]  # noqa: PLC0415 - seconds, and 300 MB
    from evidently.presets import DataDriftPreset  # type: ignore[import-untyped]  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = json.loads(Report([DataDriftPreset()]).run(current, reference).json())
    (counted,) = (metric for metric in told["metrics"] if "DriftedColumnsCount" in metric["metric_name"])
    return bool(counted["value"]["share"] >= SHARE)


def batch(number: int, rows: pd.DataFrame) -> bytes:
    run = RecordedRun(
        at=1_700_000_000.0 + number,
        requests=tuple(RecordedRequest(id=f"{number}-{row}", rows=1, shadow=False) for row in range(len(rows))),
        inputs=(rows[["amount", "age"]].to_numpy("<f4").tobytes(), rows["shop"].tolist()),
        outputs=(np.full(len(rows), 0.5, "<f4").tobytes(),),
    )
    blocks = (RecordBlock(("amount", "age"), "FP32"), RecordBlock(("shop",), "BYTES"))
    return packed(run, number, inputs=blocks, outputs=(RecordBlock(("score",), "FP32"),))


@pytest.mark.parametrize(
    ("moved", "drift"),
    [
        ((), False),
        (("amount",), False),
        (("shop",), False),
        (("amount", "age"), True),
        (("age", "shop"), True),
        (("amount", "age", "shop"), True),
    ],
    ids=lambda value: "+".join(value) or "nothing" if isinstance(value, tuple) else "",
)
def test_both_call_the_same_windows_drift_of_the_data_set(
    start_monitor: StartMonitor, store: FileStore, moved: tuple[str, ...], drift: bool
) -> None:
    reference, current = table(1), table(2, moved=moved)
    base = f"/v1/digests/{DIGEST}"
    store.files = {base: card(), f"{base}/files/reference.csv": reference.to_csv(index=False).encode()}
    monitor = start_monitor()
    monitor.watch(WISH)
    monitor.has_reference()
    for number, start in enumerate(range(0, ROWS, A_BATCH), start=1):
        answer = monitor.post(batch(number, current.iloc[start : start + A_BATCH]))
        assert answer.status_code == httpx.codes.NO_CONTENT
    assert monitor.drift().dataset_drift is drift
    assert evidently_says(reference, current) is drift
