"""What labelled transactions must be like before a model is trained on them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from fraud_detection.data import CATEGORICAL, COUNTRIES, DEVICES, ENTRY_LOG_ODDS, LABEL, MERCHANTS

LEAST_ROWS = 1000
LEAST_FRAUDS = 20
"""In the file: fewer cannot tell a good model from a bad one."""
_EXAMPLES = 3
_FIRST_LINE = 2
"""Of the first row in the file: line 1 has the names of the columns."""


class TableError(Exception):
    """A file is no table of labelled transactions; the message says which, why and what to do."""


def _between(least: float, most: float, unit: str = "") -> pa.Check:
    return pa.Check.in_range(least, most, error=f"between {least:g} and {most:g} {unit}".rstrip())


def _one_of(values: Iterable[object]) -> pa.Check:
    known = list(values)
    return pa.Check.isin(known, error=f"one of {', '.join(map(str, known))}")


def _decimal(*checks: pa.Check) -> pa.Column:
    return pa.Column(float, list(checks))


def _whole(*checks: pa.Check) -> pa.Column:
    """Read as a decimal: read as a whole number, 3.5 would become 3 without a word."""
    return _decimal(*checks, pa.Check(lambda values: values % 1 == 0, error="a whole number"))


SCHEMA = pa.DataFrameSchema(
    {
        "amount": _decimal(_between(0.01, 100_000, "EUR")),
        "distance_from_home_km": _decimal(_between(0, 20_040, "km")),  # half of the way around the earth
        "minutes_since_last_transaction": _decimal(_between(0, 5_260_000, "minutes")),  # ten years
        "hour_of_day": _whole(_between(0, 23)),
        "account_age_days": _whole(_between(0, 36_500, "days")),
        "transactions_last_24h": _whole(_between(0, 10_000)),
        "failed_logins_last_7d": _whole(_between(0, 10_000)),
        "merchant_category": pa.Column(str, _one_of(MERCHANTS)),
        "device_type": pa.Column(str, _one_of(DEVICES)),
        "card_entry": pa.Column(str, _one_of(ENTRY_LOG_ODDS)),
        "card_country": pa.Column(str, _one_of(COUNTRIES)),
        LABEL: _whole(_one_of((0, 1))),
    },
    checks=[
        pa.Check(lambda table: len(table) >= LEAST_ROWS, error=f"at least {LEAST_ROWS} rows"),
        pa.Check(
            lambda table: LABEL not in table or (table[LABEL] == 1).sum() >= LEAST_FRAUDS,
            error=f"at least {LEAST_FRAUDS} frauds",
        ),
    ],
    coerce=True,
    strict=False,  # one column more does no harm
)
_RULES = {
    "column_in_dataframe": "there",
    "not_nullable": "filled in",
    "coerce_dtype('float64')": "a number",
}
"""pandera's own rules, in our words."""


@dataclass(frozen=True, kw_only=True)
class DataProblem:
    """A rule that rows do not keep."""

    column: str
    """Empty: the table as a whole."""
    rule: str
    """What its values must be."""
    rows: int
    """That do not keep it."""
    examples: tuple[str, ...]
    """Of their values, with their lines in the file."""

    def __str__(self) -> str:
        if not self.column:
            return f"the table must have {self.rule}"
        found = f": {self.rows} rows are not, such as {', '.join(self.examples)}" if self.examples else ""
        return f"column {self.column} must be {self.rule}{found}"


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """What was found in a file."""

    file: str
    sha256: str
    rows: int
    valid: bool
    problems: tuple[DataProblem, ...]


def validate(file: Path) -> DataReport:
    """Compare a CSV file with SCHEMA. Raises TableError where it is none."""
    table = read(file)
    problems = find_problems(table)
    return DataReport(
        file=str(file),
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        rows=len(table),
        valid=not problems,
        problems=problems,
    )


def read(file: Path) -> pd.DataFrame:
    """Read a CSV file; a text such as NA or null is a text. Raises TableError."""
    try:
        return pd.read_csv(file, keep_default_na=False, na_values=[""], dtype=dict.fromkeys(CATEGORICAL, "str"))
    except (OSError, ValueError) as error:  # what pandas raises of its own is a ValueError
        raise TableError(f"{file} cannot be read as CSV: {error}") from error


def find_problems(table: pd.DataFrame) -> tuple[DataProblem, ...]:
    """All that SCHEMA has against a table, and not only the first of it."""
    try:
        SCHEMA.validate(table, lazy=True)
    except SchemaErrors as error:
        return tuple(_problems(error.failure_cases))
    return ()


def _problems(cases: pd.DataFrame) -> Iterable[DataProblem]:
    """Put together pandera's failure cases: one row for each value, or for each rule of the whole table."""
    for (context, rule), found in cases.groupby(["schema_context", "check"], sort=False):
        if rule == "column_in_dataframe":
            for column in found["failure_case"]:
                yield DataProblem(column=str(column), rule=_RULES[rule], rows=0, examples=())
        elif context != "Column":
            yield DataProblem(column="", rule=str(rule), rows=0, examples=())
        # What has no row, or only names a type, comes of a value that is named already.
        elif not str(rule).startswith("dtype(") and found["index"].notna().all():
            yield from _of_columns(str(rule), found)


def _of_columns(rule: str, cases: pd.DataFrame) -> Iterable[DataProblem]:
    for column, found in cases.groupby("column", sort=False):
        first = found.sort_values("index").head(_EXAMPLES)
        examples = (
            f"{'nothing' if pd.isna(value) else repr(value)} in line {int(row) + _FIRST_LINE}"
            for value, row in zip(first["failure_case"].tolist(), first["index"], strict=True)
        )
        yield DataProblem(column=str(column), rule=_RULES.get(rule, rule), rows=len(found), examples=tuple(examples))
