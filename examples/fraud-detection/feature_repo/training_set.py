"""The training set: past transactions with the features as they were at the time of each.

    python training_set.py data/transactions.parquet data/training_set.parquet

No row is lost, labels stay beside their own features, and for how many rows a default stands in is counted
(`past_features.py` says why that is not a matter of course).

Beside the training set it writes `features.json`, which goes with the model: where a predictor looks these columns up,
how old a value may be (the view's ttl), and the default that stands in where there is none, here as in serving.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from feast import FeatureStore, FeatureView
from past_features import known_at

REPOSITORY = Path(__file__).resolve().parent
SERVICE = "fraud_detector"


@dataclass(frozen=True)
class TrainingSet:
    """Rows in the order in which they were given."""

    rows: pd.DataFrame
    """All that was given, and a column for each feature, without a missing value."""
    lookup: dict[str, Any]
    """`features.json`."""
    absent: dict[str, int]
    """By feature, the rows for which a default stands in: the value is missing, or older than the ttl."""


def training_set(
    store: FeatureStore, events: pd.DataFrame, service: str = SERVICE, served: dict[str, Any] | None = None
) -> TrainingSet:
    """Look the features of a service up for past events, at the time of each.

    `events`: the entities' join keys, an event time, and whatever else. `served`: the `features.json` of a version
    whose defaults stand in; None: new ones are made of the values that are found.
    """
    rows = events
    columns: dict[str, dict[str, Any]] = {}
    keys: dict[str, str] = {}
    for projection in store.get_feature_service(service).feature_view_projections:
        view = store.get_feature_view(projection.name)
        keys |= {column.name: _word(column.dtype) for column in view.entity_columns}
        names = [feature.name for feature in projection.features]
        rows = rows.join(known_at(store, view, names, events))
        columns |= {name: _entry(view, name, rows[name]) for name in names}
    absent = {name: int(rows[name].isna().sum()) for name in columns}
    if served is not None:
        columns = {name: served["columns"][name] for name in columns}
    filled = rows.assign(**{name: _filled(rows[name], entry["default"]) for name, entry in columns.items()})
    return TrainingSet(filled, {"service": service, "entities": keys, "columns": columns}, absent)


def _entry(view: FeatureView, name: str, values: pd.Series) -> dict[str, Any]:
    known = values.dropna()
    if known.empty:
        raise ValueError(f"{view.name}:{name} has no value for any of the rows: is the view's source there?")
    number = pd.api.types.is_numeric_dtype(known)
    default = known.median() if number else known.mode().iloc[0]
    whole = "Int" in str(next(field.dtype for field in view.features if field.name == name))
    value = int(default) if whole else float(default) if number else str(default)
    entry = {"feature": f"{view.name}:{name}", "onMissing": "default", "default": value}
    return entry | ({"maxAge": _duration(view.ttl)} if view.ttl else {})


def _duration(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    return f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds}s"


def _filled(values: pd.Series, default: Any) -> pd.Series:
    filled = values.where(values.notna(), default)
    if isinstance(default, int):
        return filled.astype("int64")
    return filled.astype("float64") if isinstance(default, float) else filled.astype(object)


def _word(dtype: Any) -> str:
    return "integer" if "Int" in str(dtype) else "string"


def main() -> None:
    """Read the transactions, write the training set and features.json, and say what was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transactions", type=Path)
    parser.add_argument("training_set", type=Path)
    parser.add_argument("--configuration", type=Path, default=REPOSITORY / "feature_store.yaml")
    parser.add_argument("--served", type=Path, help="the features.json of a version whose defaults are to stand in")
    options = parser.parse_args()
    served = json.loads(options.served.read_text()) if options.served else None
    events = pd.read_parquet(options.transactions)
    made = training_set(FeatureStore(str(REPOSITORY), fs_yaml_file=options.configuration), events, served=served)
    made.rows.to_parquet(options.training_set, index=False)
    options.training_set.with_name("features.json").write_text(json.dumps(made.lookup, indent=2) + "\n")
    json.dump({"rows": len(made.rows), "defaults": made.absent}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
