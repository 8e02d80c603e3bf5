"""What the monitor answers, as rows to train on and rows to judge by."""

from collections.abc import Callable

import pandas as pd
import pytest

from fraud_detection.data import FEATURES, LABEL, labelled
from fraud_detection.window import Need, TooFewLabels, WindowError, read_window, require_known_values

URL = "http://monitor/v1/window/shop/fraud"
NEED = Need(rows=100, positives=1)


def answer(rows: int = 500, change: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame) -> bytes:
    """As the monitor writes it; the newest row is first, in an hour of another month's day."""
    frame = labelled(rows, seed=1)
    frame.insert(0, "at", [f"2026-09-{30 - row % 30:02}T10:00:00.{row % 1000:03}Z" for row in range(rows)])
    frame.insert(0, "request_id", [f"id-{row}" for row in range(rows)])
    return change(frame).to_csv(index=False).encode()


def test_the_newest_fifth_judges_and_the_older_rows_are_trained_on() -> None:
    window = read_window(answer(), URL, NEED)
    assert (len(window.training), len(window.judging), window.rows, window.unreadable) == (400, 100, 500, 0)
    assert tuple(window.training.columns) == (*FEATURES, LABEL)
    assert window.first == "2026-09-01T10:00:00.029Z"
    assert window.last == "2026-09-30T10:00:00.480Z"
    drawn = labelled(500, seed=1)
    newest = drawn[[row % 30 < 6 for row in range(500)]]
    assert set(window.judging["amount"]) <= set(newest["amount"]), "of the last six days"
    assert window.training.dtypes.to_dict() == {name: drawn[name].dtype for name in (*FEATURES, LABEL)}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("amount", ""),
        ("amount", "inf"),
        ("hour_of_day", "1.5"),
        ("hour_of_day", "noon"),
        ("card_entry", ""),
        (LABEL, "2"),
        (LABEL, "maybe"),
        ("at", "yesterday"),
    ],
)
def test_a_row_with_a_value_that_is_none_is_left_out_and_counted(column: str, value: str) -> None:
    def spoil(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype({column: object})
        frame.loc[frame.index[7], column] = value
        return frame

    window = read_window(answer(change=spoil), URL, NEED)
    assert (window.rows, window.unreadable) == (499, 1)


def test_a_category_named_na_is_a_value() -> None:
    window = read_window(answer(change=lambda frame: frame.assign(card_country="NA")), URL, NEED)
    assert set(window.training["card_country"]) == {"NA"}


@pytest.mark.parametrize(
    ("body", "need", "told"),
    [
        (answer(0), NEED, "has no labels: send the truth to the monitor's /v1/labels"),
        (answer(99), NEED, "99 labelled rows that can be read and 0 that cannot, 100 are needed (--min-rows)"),
        (answer(), Need(rows=100, positives=90), "of each 90 are needed to tell two models apart (--min-positives)"),
        (answer(change=lambda frame: frame.assign(label=0)), NEED, "has 0 frauds and 100 others"),
        (answer(change=lambda frame: frame.assign(label=1)), NEED, "has 100 frauds and 0 others"),
    ],
)
def test_too_little_truth_is_told_with_the_numbers(body: bytes, need: Need, told: str) -> None:
    with pytest.raises(TooFewLabels) as caught:
        read_window(body, URL, need)
    assert told in str(caught.value)
    assert URL in str(caught.value)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "answered no CSV"),
        (b"\xff\xfe\x00", "answered no CSV"),
        (answer(change=lambda frame: frame.drop(columns=["amount", "card_entry"])), "has no column amount, card_entry"),
    ],
)
def test_what_is_no_window_is_told_with_its_address(body: bytes, told: str) -> None:
    with pytest.raises(WindowError) as caught:
        read_window(body, URL, NEED)
    assert told in str(caught.value)
    assert URL in str(caught.value)


def test_a_hashed_column_is_refused_by_name() -> None:
    known = labelled(500, seed=2)
    plain = read_window(answer(), URL, NEED)
    require_known_values(plain, known)
    hashed = read_window(answer(change=lambda frame: frame.assign(card_country="9f86d081")), URL, NEED)
    with pytest.raises(WindowError, match="card_country in the window occurs in the champion's sample"):
        require_known_values(hashed, known)
