"""Whether serving and training see the same: features that were served, beside what the offline store says of them.

    python skew.py http://127.0.0.1:8080/v1/window/payments/fraud-detector --trained data/features.json

Predictors record what was looked up for a row, by which keys, and of which time; the drift monitor keeps it. This
compares each of these values with what `get_historical_features` gives for the same keys at the time of the request,
writes by feature how many differ and why, as JSON, and tells the monitor, which shows it. Exit code 3: for some feature
more than --max-share of the values differ, so a training set made now is not what a model will be served. Run it each
night, and before each retraining.
"""

import argparse
import csv
import io
import json
import math
import sys
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
from feast import FeatureStore, FeatureView
from past_features import EVENT_TIME, known_at

REPOSITORY = Path(__file__).resolve().parent
SKEWED = 3
"""Exit code."""
CLOSE = 1e-6
"""Numbers differ where they differ by more than this share: models take 32 bits."""
HOURS = (0, *(hours for hours in range(-14, 15) if hours))
"""That event times may be off by: none, or those of time zones."""
_EXPLAINED = 0.8
"""Share of the values that one shift must explain to be named."""
_AS_MANY = 0.95
"""Of the most that any shift explains: what is above that is chance."""
_SECONDS = 60

BEHIND = "Behind"
"""The value was true earlier; offline has a newer one: the online store is not brought up to date in time."""
SHIFTED = "Shifted"
"""The value was true at another time than the store says, by whole hours: a time zone was taken for another."""
NOT_ONLINE = "NotOnline"
"""A default stood in, and offline has a value."""
TOO_OLD = "TooOld"
"""A default stood in for a value older than maxAge, and offline has a newer one."""
UNAVAILABLE = "Unavailable"
"""A default stood in because the store gave nothing, and offline has a value."""
OTHER_DEFAULT = "OtherDefault"
"""Neither has a value, and what stood in is not what stood in in training."""
NOT_OFFLINE = "NotOffline"
"""A value was served that the offline store does not have."""
DIFFERS = "Differs"
"""The values differ, and none of these says why: are they computed alike?"""
_OF_DEFAULTS = {"stale": TOO_OLD, "missing": NOT_ONLINE, "unavailable": UNAVAILABLE}


@dataclass(frozen=True)
class ServedRow:
    """A row that was answered, and what was looked up for it."""

    at: pd.Timestamp
    seen: Mapping[str, str]
    """By column as the model saw them; empty: missing."""
    entities: Mapping[str, str | int]
    columns: Mapping[str, tuple[str, float | None]]
    """By looked-up column where its value came from, and the event time that the store told (Unix seconds)."""


@dataclass(frozen=True)
class ComparedFeature:
    """What was found of one feature."""

    compared: int
    differing: int
    share: float
    """Of the values that differ."""
    reasons: Mapping[str, int]
    hours: int | None
    """Where reasons say Shifted: by so many hours."""
    behind_seconds: float | None
    """Where reasons say Behind: how old the values were, in the middle."""


def compare(
    store: FeatureStore, rows: Sequence[ServedRow], trained: Mapping[str, Any], service: str
) -> dict[str, ComparedFeature]:
    """Compare served rows with the past. `trained`: the features.json of training: its defaults are the right ones."""
    found: dict[str, ComparedFeature] = {}
    for projection in store.get_feature_service(service).feature_view_projections:
        looked_up = {name for row in rows for name in row.columns}
        names = [feature.name for feature in projection.features if feature.name in looked_up]
        if names:
            found |= _ViewComparison(store, store.get_feature_view(projection.name), names, rows).run(trained)
    return found


class _ViewComparison:
    """One view's features. Verdicts are by feature and place of the row; empty: serving and training agree."""

    def __init__(self, store: FeatureStore, view: FeatureView, names: list[str], rows: Sequence[ServedRow]) -> None:
        self._store = store
        self._view = view
        self._names = names
        self._rows = rows
        self._keys = [column.name for column in view.entity_columns]
        self._verdicts: dict[str, dict[int, str]] = {name: {} for name in names}

    def run(self, trained: Mapping[str, Any]) -> dict[str, ComparedFeature]:
        """Judge each value, then explain those that differ."""
        moments = [(place, row.at) for place, row in enumerate(self._rows)]
        known, written_later = self._known(moments, as_written=True), self._known(moments, as_written=False)
        for place, row in enumerate(self._rows):
            for name in self._names:
                source = row.columns[name][0] if name in row.columns else "given"
                if source != "given":
                    default = trained["columns"][name].get("default")
                    expected = (known[place][name], written_later[place][name])
                    self._verdicts[name][place] = _judged(source, row.seen.get(name), expected, default)
        hours = self._explain()
        return {name: self._summed(name, hours) for name in self._names}

    def _known(self, moments: Sequence[tuple[int, pd.Timestamp]], *, as_written: bool) -> list[dict[str, Any]]:
        """What offline says of rows, each at a time. Places of rows stand in `moments`."""
        asked = {key: [self._rows[place].entities.get(key) for place, _ in moments] for key in self._keys}
        events = pd.DataFrame(asked | {EVENT_TIME: pd.to_datetime([at for _, at in moments], utc=True)})
        known = known_at(self._store, self._view, self._names, events, as_written=as_written)
        columns = {name: known[name].astype(object).tolist() for name in self._names}
        return [{name: columns[name][place] for name in self._names} for place in range(len(moments))]

    def _explain(self) -> int | None:
        """Say of values that differ whether they were true when the store says, or hours beside that; answer these."""
        places = sorted({place for of in self._verdicts.values() for place, told in of.items() if told == DIFFERS})
        asked = [(hours, place, self._time(place)) for place in places for hours in HOURS]
        if not asked:
            return None
        moments = [(place, at - pd.Timedelta(hours=hours)) for hours, place, at in asked]
        agreeing: dict[int, set[int]] = {hours: set() for hours in HOURS}
        for (hours, place, _), known in zip(asked, self._known(moments, as_written=False), strict=True):
            if all(_agree(self._rows[place].seen.get(name), known[name]) for name in self._found(place)):
                agreeing[hours].add(place)
        behind = agreeing.pop(0)
        left = set(places) - behind
        most = max(len(of & left) for of in agreeing.values())
        # A value holds until the next is written, so several shifts may explain it: the earliest time is when it began.
        hours = max(one for one, of in agreeing.items() if len(of & left) >= _AS_MANY * most)
        shifted = agreeing[hours] & left
        if len(shifted) < max(1, _EXPLAINED * len(left)):
            shifted = set()
        for of in self._verdicts.values():
            for place in [place for place, told in of.items() if told == DIFFERS]:
                of[place] = BEHIND if place in behind else SHIFTED if place in shifted else DIFFERS
        return hours if shifted else None

    def _found(self, place: int) -> list[str]:
        columns = self._rows[place].columns
        return [name for name in self._names if name in columns and columns[name][0] == "found"]

    def _time(self, place: int) -> pd.Timestamp:
        """Of the event that the store told of: one for all features of a view."""
        times = [at for name in self._found(place) if (at := self._rows[place].columns[name][1]) is not None]
        return pd.Timestamp(times[0], unit="s", tz="UTC")

    def _summed(self, name: str, hours: int | None) -> ComparedFeature:
        verdicts = self._verdicts[name]
        reasons = Counter(told for told in verdicts.values() if told)
        differing = sum(reasons.values())
        lags = [self._rows[place].at - self._time(place) for place, told in verdicts.items() if told == BEHIND]
        return ComparedFeature(
            compared=len(verdicts),
            differing=differing,
            share=round(differing / len(verdicts), 6) if verdicts else 0.0,
            reasons=dict(reasons),
            hours=hours if reasons[SHIFTED] else None,
            behind_seconds=round(median(lag.total_seconds() for lag in lags)) if lags else None,
        )


def _judged(source: str, served: Any, expected: tuple[Any, Any], default: Any) -> str:
    """Empty: they agree. What was served before it was written offline agrees, too.

    `expected`: what was written by then, and all that was true by then.
    """
    as_written, as_true = expected
    if source != "found":
        if _is_missing(as_written):
            return "" if _agree(served, default) else OTHER_DEFAULT
        return "" if _agree(served, as_written) else _OF_DEFAULTS[source]
    if _agree(served, as_written) or _agree(served, as_true):
        return ""
    return NOT_OFFLINE if _is_missing(as_true) else DIFFERS


def _agree(one: Any, other: Any) -> bool:
    if _is_missing(one) or _is_missing(other):
        return _is_missing(one) and _is_missing(other)
    try:
        left, right = float(one), float(other)
    except ValueError:
        return str(one) == str(other)
    return abs(left - right) <= CLOSE * max(abs(left), abs(right))


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value == "" or (isinstance(value, float) and math.isnan(value))


def served_rows(text: str) -> list[ServedRow]:
    """Read the monitor's window, as CSV."""
    rows = []
    for record in csv.DictReader(io.StringIO(text)):
        lookup = json.loads(record["lookup"])
        columns = {name: (source, at) for name, (source, at) in lookup["columns"].items()}
        rows.append(ServedRow(pd.Timestamp(record["at"]), record, lookup["entities"], columns))
    return rows


def fetched(window: str, rows: int) -> str:
    """Fetch the newest rows for which something was looked up."""
    address = f"{window}?lookups=true&limit={rows}"
    with urllib.request.urlopen(address, timeout=_SECONDS) as answer:  # noqa: S310 - the address is the user's own
        text: str = answer.read().decode()
        return text


def report(window: str, comparison: dict[str, Any]) -> None:
    """Tell the drift monitor: its page shows it, and so does the condition FeatureSkew of the ModelDeployment."""
    address = window.replace("/v1/window/", "/v1/skew/")
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(  # noqa: S310 - the address is the user's own
        address, data=json.dumps(comparison).encode(), headers=headers, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
        pass


def main() -> int:
    """Fetch, compare, write; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("window", help="http://<drift monitor>/v1/window/<namespace>/<name>")
    parser.add_argument("--trained", type=Path, required=True, help="features.json as training_set.py wrote it")
    parser.add_argument("--rows", type=int, default=2000, help="served rows to compare, the newest (default 2000)")
    parser.add_argument("--max-share", type=float, default=0.01, help="of a feature's values that may differ (0.01)")
    parser.add_argument("--report", action=argparse.BooleanOptionalAction, default=True, help="tell the drift monitor")
    parser.add_argument("--configuration", type=Path, default=REPOSITORY / "feature_store.yaml")
    options = parser.parse_args()
    trained = json.loads(options.trained.read_text())
    rows = served_rows(fetched(options.window, options.rows))
    if not rows:
        print("no row has anything that was looked up: does spec.predictor.logger record?", file=sys.stderr)
        return 1
    store = FeatureStore(str(REPOSITORY), fs_yaml_file=options.configuration)
    found = compare(store, rows, trained, trained["service"])
    skewed = [name for name, one in found.items() if one.share > options.max_share]
    told = {name: asdict(one) for name, one in found.items()}
    if options.report:
        report(options.window, {"rows": len(rows), "max_share": options.max_share, "features": told})
    json.dump({"rows": len(rows), "skewed": skewed, "features": told}, sys.stdout)
    print()
    return SKEWED if skewed else 0


if __name__ == "__main__":
    sys.exit(main())
