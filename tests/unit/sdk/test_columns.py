import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from penstock.columns import ColumnKind, columns_of
from penstock.errors import RowsRefused


def kinds(**columns: Any) -> dict[str, tuple[ColumnKind, str, int]]:
    return {each.name: (each.kind, each.mlflow_type, each.missing) for each in columns_of(pd.DataFrame(columns))}


def test_each_kind_of_column_is_described_as_mlflow_describes_it() -> None:
    assert kinds(
        amount=[1.5, None],
        small=np.array([1.5, 2], dtype=np.float32),
        logins=[1, 2],
        day=np.array([1, 2], dtype=np.int16),
        abroad=[True, False],
        country=["DE", ""],
    ) == {
        "amount": (ColumnKind.NUMBER, "double", 1),
        "small": (ColumnKind.NUMBER, "float", 0),
        "logins": (ColumnKind.WHOLE, "long", 0),
        "day": (ColumnKind.WHOLE, "integer", 0),
        "abroad": (ColumnKind.FLAG, "boolean", 0),
        "country": (ColumnKind.TEXT, "string", 0),
    }


def test_types_of_pandas_own_are_what_they_hold() -> None:
    assert kinds(
        country=pd.Series(["DE", "FR"], dtype="category"),
        code=pd.Series([3, 5], dtype="category"),
        logins=pd.Series([1, None], dtype="Int64"),
        abroad=pd.Series([True, None], dtype="boolean"),
        note=pd.Series(["a", "b"], dtype="string"),
    ) == {
        "country": (ColumnKind.TEXT, "string", 0),
        "code": (ColumnKind.WHOLE, "long", 0),
        "logins": (ColumnKind.NUMBER, "double", 1),
        "abroad": (ColumnKind.NUMBER, "double", 1),
        "note": (ColumnKind.TEXT, "string", 0),
    }


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"country": ["DE", None, None]}, "'country' of X has no text in 2 rows (the first: row 1)"),
        ({"country": ["DE", None]}, "X['country'].fillna('')"),
        ({"seen": pd.to_datetime(["2026-01-01"])}, "X['seen'].dt.hour"),
        ({"mixed": ["DE", 7]}, "holds a int in row 1 (7)"),
        ({"tags": [["a", "b"]]}, "holds a list in row 0"),
        ({"amount": [1.0, np.inf]}, "'amount' of X is infinite in 1 rows (the first: row 1)"),
        ({7: [1.0]}, "column 7 of X is named by a int"),
        ({}, "X has no columns"),
    ],
)
def test_what_no_request_can_carry_is_refused_with_what_to_do(columns: dict[Any, Any], said: str) -> None:
    with pytest.raises(RowsRefused, match=re.escape(said)):
        columns_of(pd.DataFrame(columns))


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(RowsRefused, match="two columns named 'a'"):
        columns_of(pd.DataFrame([[1, 2]], columns=["a", "a"]))
