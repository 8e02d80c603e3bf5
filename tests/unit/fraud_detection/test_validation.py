"""Each rule of the data is told with its column, the number of rows that break it, and where they stand."""

from pathlib import Path

import pandas as pd
import pytest

from fraud_detection.data import FEATURES, LABEL, labelled
from fraud_detection.labelled_table import drawn, read_table
from fraud_detection.validation import TableError, find_problems, validate

GOOD = labelled(1200, seed=1)


def told(frame: pd.DataFrame) -> list[str]:
    return [str(problem) for problem in find_problems(frame)]


def with_value(column: str, value: object) -> pd.DataFrame:
    """The good rows with another value in the third, which is line 4 of a file."""
    return GOOD.astype({column: object}).assign(**{column: lambda frame: frame[column].where(frame.index != 2, value)})


@pytest.mark.parametrize("drift", [0.0, 1.0])
def test_what_is_drawn_is_valid(drift: float) -> None:
    assert told(labelled(20_000, seed=5, drift=drift)) == []


def test_a_column_more_does_no_harm() -> None:
    assert told(GOOD.assign(comment="none")) == []


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("amount", -5.0, "column amount must be between 0.01 and 100000 EUR: 1 rows are not, such as -5.0 in line 4"),
        ("amount", "12,5", "column amount must be a number: 1 rows are not, such as '12,5' in line 4"),
        ("amount", None, "column amount must be filled in: 1 rows are not, such as nothing in line 4"),
        (
            "amount",
            float("inf"),
            "column amount must be between 0.01 and 100000 EUR: 1 rows are not, such as inf in line 4",
        ),
        ("hour_of_day", 24, "column hour_of_day must be between 0 and 23: 1 rows are not, such as 24.0 in line 4"),
        ("hour_of_day", 3.5, "column hour_of_day must be a whole number: 1 rows are not, such as 3.5 in line 4"),
        ("card_country", None, "column card_country must be filled in: 1 rows are not, such as nothing in line 4"),
        ("label", 2, "column label must be one of 0, 1: 1 rows are not, such as 2.0 in line 4"),
    ],
)
def test_a_value_that_breaks_a_rule_is_told_with_its_line(column: str, value: object, rule: str) -> None:
    assert told(with_value(column, value)) == [rule]


def test_a_value_that_is_not_known_is_told_with_those_that_are() -> None:
    (problem,) = told(with_value("device_type", "mobil"))
    assert problem.startswith("column device_type must be one of terminal, mobile, desktop, tablet: 1 rows are not")


@pytest.mark.parametrize("column", [*FEATURES, LABEL])
def test_a_missing_column_is_told(column: str) -> None:
    assert told(GOOD.drop(columns=column)) == [f"column {column} must be there"]


def test_of_many_rows_the_first_three_are_told() -> None:
    (problem,) = told(GOOD.assign(amount=0.0))
    assert problem.endswith(": 1200 rows are not, such as 0.0 in line 2, 0.0 in line 3, 0.0 in line 4")


def test_all_problems_are_told_at_once() -> None:
    found = find_problems(GOOD.assign(amount=0.0, hour_of_day=99).drop(columns="card_entry"))
    assert {problem.column for problem in found} == {"amount", "hour_of_day", "card_entry"}


def test_too_few_rows_and_too_few_frauds_are_told() -> None:
    assert told(GOOD.head(100)) == ["the table must have at least 1000 rows", "the table must have at least 20 frauds"]


def test_a_file_is_read_as_it_was_written_and_named_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "transactions.csv"
    GOOD.to_csv(file, index=False)
    table = read_table(file)
    pd.testing.assert_frame_equal(table.rows, GOOD, check_dtype=True)
    report = validate(file)
    assert report.valid
    assert dict(table.origin) == {"rows": 1200, "data_sha256": report.sha256}


def test_what_must_not_be_trained_on_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "transactions.csv"
    with_value("amount", -5.0).to_csv(file, index=False)
    with pytest.raises(TableError, match=r"must not be trained on: column amount must be between"):
        read_table(file)


@pytest.mark.parametrize("content", [None, "", 'a,"b\n'])
def test_a_file_that_is_no_csv_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "transactions.csv"
    if content is not None:
        file.write_text(content)
    with pytest.raises(TableError, match=r"transactions\.csv cannot be read as CSV"):
        validate(file)


def test_two_thirds_are_trained_on_and_the_rest_judges_in_the_order_of_time() -> None:
    table = drawn(1000, seed=1, drift=0.0)
    pd.testing.assert_frame_equal(pd.concat([table.training, table.judging]), table.rows)
    assert len(table.training) == 666
