"""The bytes of a reference sample as columns, in the form in which live rows are compared with it. Pure.

Numbers become float64, booleans 0 and 1, dates and times the seconds since 1970 (UTC), everything else text. Missing is
NaN among numbers and None among texts; an empty text is a missing one, since CSV knows no difference. The card's
columns decide where a file does not: a column of type string stays text though it looks like numbers.
"""

import io
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from penstock_drift_monitor.detector.sample import Sample, Values
from penstock_drift_monitor.label_text import label_text

LABEL: Final = "label"
"""A column of the sample that is the truth, not an input."""
_MAX_COLUMNS: Final = 10_000


class BadReference(Exception):
    """The sample cannot be read. The message says what is wrong with it and what to do."""


def read_sample(path: str, body: bytes, types: Mapping[str, str]) -> dict[str, Values]:
    """Columns of `reference.csv` or `reference.parquet`, without `label`. `types`: MLflow's word for a column.

    Raises BadReference when the file cannot be read, has no rows or no columns, or names a column twice.
    """
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415 - half a second and 60 MB: only a process that loads a sample needs it

    try:
        table = _parquet(body) if path.endswith(".parquet") else _csv(body, types)
    except (pa.ArrowException, ValueError, OSError, OverflowError, KeyError) as error:
        said = str(error).split("\n", 1)[0][:300]
        raise BadReference(
            f"{path} cannot be read ({said}): log it anew as CSV with a header, or as Parquet"
        ) from error
    names = [str(name) for name in table.column_names]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadReference(f"{path} names column {twice[:80]!r} twice: name each column once")
    if not names or len(names) > _MAX_COLUMNS:
        raise BadReference(f"{path} has {len(names)} columns: it needs 1 to {_MAX_COLUMNS}")
    if table.num_rows == 0:
        raise BadReference(f"{path} has no rows: log a sample of the training data, 2,000 rows or more")
    if names == [LABEL]:
        raise BadReference(f"{path} has no column beside {LABEL!r}: log the columns of the model's inputs")
    try:
        return {
            name: _values(table.column(index).combine_chunks(), types.get(name))
            for index, name in enumerate(names)
            if name != LABEL
        }
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise BadReference(f"{path} has a column that is neither numbers nor texts: {error}") from error


def numeric_columns(sample: Sample) -> frozenset[str]:
    """Names of those that hold numbers."""
    return frozenset(name for name, values in sample.items() if isinstance(values, np.ndarray))


def fitted(live: Sample, numeric: frozenset[str], columns: frozenset[str]) -> Sample:
    """Live columns in the form of the reference's: only `columns`, of which `numeric` are numbers.

    Numbers where the reference has texts are written as texts (7 as "7"), texts where it has numbers are read as
    numbers; what cannot be read so stays text, which the detector takes for values never seen.
    """
    return {name: _fitted(values, name in numeric) for name, values in live.items() if name in columns}


def _fitted(values: Values, numeric: bool) -> Values:
    if isinstance(values, np.ndarray):
        return values if numeric else [label_text(v) if np.isfinite(v) else None for v in values.tolist()]
    if not numeric:
        return values
    try:
        return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    except ValueError:
        return values


def by_index(live: Sample, columns: tuple[str, ...]) -> Sample:
    """Name unnamed columns (`tensor[0]`, `tensor[1]`, ...) by the reference's, where there are as many of them."""
    unnamed = all(name.endswith("]") and "[" in name for name in live)
    if not live or not unnamed or len(live) != len(columns) or set(live) & set(columns):
        return live
    return dict(zip(columns, live.values(), strict=True))


def _parquet(body: bytes) -> Any:
    from pyarrow import parquet  # noqa: PLC0415 - see read_sample

    return parquet.ParquetFile(io.BytesIO(body)).read(use_threads=False)


def _csv(body: bytes, types: Mapping[str, str]) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - see read_sample
    from pyarrow import csv  # noqa: PLC0415

    texts = {name: pa.string() for name, word in types.items() if word == "string"}
    return csv.read_csv(
        io.BytesIO(body),
        read_options=csv.ReadOptions(use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=texts, strings_can_be_null=True, quoted_strings_can_be_null=True
        ),
    )


def _values(column: Any, word: str | None) -> Values:
    import pyarrow as pa  # noqa: PLC0415 - see read_sample

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_null(kind):
        return [None] * len(column) if word == "string" else np.full(len(column), np.nan)
    if word == "string":
        return [_text(value) for value in column.to_pylist()]
    if (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        return np.array([np.nan if value is None else float(value) for value in column.to_pylist()], dtype=np.float64)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        stamps = column.cast(pa.timestamp("us")).cast(pa.int64()).to_pylist()
        return np.array([np.nan if stamp is None else stamp / 1e6 for stamp in stamps], dtype=np.float64)
    return [_text(value) for value in column.to_pylist()]


def _text(value: object) -> str | None:
    if value is None or value == "" or value != value:  # noqa: PLR0124 - NaN, which pandas puts among texts
        return None
    if isinstance(value, bool | int | float):
        return label_text(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace") or None
    return str(value)
