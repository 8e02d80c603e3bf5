# ruff: noqa: T201
"""How often the drift detector is wrong, and how many rows it takes. `.venv/bin/python -m bench.drift.tables`.

About two minutes on an idle machine; FULL=1 takes an hour or more. Seeds are fixed. Twenty columns (`streams`), a look
every 50 rows, a reference of 2,000 rows unless said. Beside it the default report of Evidently on windows of 5,000 rows
of the same laws. Results are also in build/bench-drift.json.
"""

import json
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import default_rng

from bench.drift.streams import Law, part
from penstock_drift_monitor.detector.detector import Detector
from penstock_drift_monitor.detector.reference import Reference
from penstock_drift_monitor.detector.sample import Sample

FULL = os.environ.get("FULL") == "1"
STREAMS = 30 if FULL else 3
"""For each kind of drift."""
QUIET_STREAMS, QUIET_ROWS = (200, 50_000) if FULL else (4, 20_000)
"""Without drift."""
DAYS, DAILY_ROWS = 30, 5000
WINDOWS = 10 if FULL else 1
"""Of Evidently for each case that is compared; three times as many without drift."""
WINDOW = 5000
LOOK = 50
CALM_ROWS = 1000
"""Before a drift begins."""
CHUNK = 2000
RESULTS = Path("build/bench-drift.json")
SAME = Law()


@dataclass(frozen=True, kw_only=True)
class DriftCase:
    """Something that happens to live rows, and for how many rows we wait for an alarm."""

    name: str
    law: Law
    alarm: bool
    """Whether there should be one."""
    limit: int = 8000
    reference: Law = SAME
    reference_rows: int = 2000
    compared: bool = FULL
    """With Evidently: two seconds a window."""
    ramp: int = 0
    """Rows over which the shift grows."""


CASES = (
    *(
        DriftCase(
            name=f"{shift} sd in {columns} of 20",
            law=Law(shift=shift, columns=columns),
            alarm=True,
            compared=FULL or shift == 0.5,  # noqa: PLR2004
        )
        for shift in (0.25, 0.5, 1.0)
        for columns in (1, 5, 20)
    ),
    DriftCase(name="spread x 1.5 in one", law=Law(spread=1.5), alarm=True),
    DriftCase(name="category mix in one", law=Law(category_shift=0.5), alarm=True),
    DriftCase(name="missing 0 to 5 % in one", law=Law(missing=0.05), alarm=True),
    DriftCase(name="missing 0 to 20 % in one", law=Law(missing=0.2), alarm=True, compared=True),
    DriftCase(
        name="ramp to 0.5 sd in one over 20,000", law=Law(shift=0.5, columns=1), alarm=True, limit=20_000, ramp=20_000
    ),
    DriftCase(name="0.5 sd in one, reference of 500", law=Law(shift=0.5, columns=1), alarm=True, reference_rows=500),
    DriftCase(name="no drift, reference of 500", law=SAME, alarm=False, limit=20_000, reference_rows=500),
    DriftCase(name="0.05 sd in all 20", law=Law(shift=0.05, columns=20), alarm=False, limit=30_000 if FULL else 10_000),
    DriftCase(name="correlation 0.3 to 0.7 only", law=Law(correlation=0.7), alarm=False),
    DriftCase(name="one value of 1e9 every 2,000 rows", law=Law(outlier=True), alarm=False),
    DriftCase(name="long tail of categories", law=Law(long_tail=True), alarm=False, reference=Law(long_tail=True)),
    DriftCase(
        name="long tail, reference of 500",
        law=Law(long_tail=True),
        alarm=False,
        reference=Law(long_tail=True),
        reference_rows=500,
    ),
)


def alarms(case: DriftCase, seed: int) -> int | None:
    """Rows after which the first column is said to drift; None: none is. An alarm before the drift counts as 0."""
    rng = default_rng(seed)
    reference = Reference.of(case.reference.rows(rng, case.reference_rows))
    detector = Detector(reference, period_seconds=0)
    if _first_alarm(detector, case.reference.rows(rng, CALM_ROWS)) is not None:
        return 0
    for start in range(0, case.limit, CHUNK):
        grown = np.minimum(1.0, (start + np.arange(0, CHUNK, 200)) / case.ramp) if case.ramp else np.ones(1)
        size = min(CHUNK, case.limit - start) // len(grown)
        for place, share in enumerate(grown):
            found = _first_alarm(detector, case.law.rows(rng, size, grown=float(share)))
            if found is not None:
                return start + place * size + found
    return None


def _first_alarm(detector: Detector, rows: Sample) -> int | None:
    """Rows after which there is one, by looks."""
    number = max(len(values) for values in rows.values())
    for start in range(0, number, LOOK):
        detector.add(detector.reference.count(part(rows, start, start + LOOK)), at=float(start))
        if any(finding.drifted for finding in detector.findings()):
            return start + LOOK
    return None


def detection() -> list[dict[str, Any]]:
    """For each case the rows until the alarm, and what Evidently says of windows of the same law."""
    streams = f"{STREAMS} streams, Evidently: {WINDOWS} windows of {WINDOW:,} rows"
    print(f"\nRows until the alarm of any column ({streams})\n")
    print("| case | wanted | alarms | median / worst rows | Evidently: data set drifts, columns that drift |")
    print("| --- | --- | --- | --- | --- |")
    results = []
    for case in CASES:
        found = [alarms(case, seed) for seed in range(STREAMS)]
        rows = sorted(case.limit if rows is None else rows for rows in found)
        said = sum(rows is not None for rows in found)
        beside = evidently(case, WINDOWS) if case.compared else None
        results.append(
            {
                "case": case.name,
                "wanted": case.alarm,
                "streams": STREAMS,
                "alarms": said,
                "median": rows[len(rows) // 2] if said else None,
                "worst": rows[-1] if said else None,
                "evidently": beside,
            }
        )
        told = results[-1]
        print(
            f"| {case.name} | {'alarm' if case.alarm else 'none'} | {said} of {STREAMS} | "
            f"{told['median'] or '-'} / {told['worst'] or '-'} | {_told(beside)} |",
            flush=True,
        )
    return results


def quiet() -> dict[str, Any]:
    """False alarms of streams that do not drift, and the processor's time that a row takes."""
    alarmed, highest, spent, rows = 0, 0.0, 0.0, 0
    for seed in range(QUIET_STREAMS):
        rng = default_rng(10_000 + seed)
        reference = Reference.of(SAME.rows(rng, 2000))
        detector, wrong = Detector(reference, period_seconds=0), False
        for _ in range(0, QUIET_ROWS, CHUNK):
            chunk = SAME.rows(rng, CHUNK)
            for look in (part(chunk, start, start + LOOK) for start in range(0, CHUNK, LOOK)):
                began = time.process_time()
                detector.add(reference.count(look), at=0.0)
                spent += time.process_time() - began
                rows += LOOK
                findings = detector.findings()
                wrong = wrong or any(finding.drifted for finding in findings)
                highest = max(highest, *(finding.score for finding in findings))
        alarmed += wrong
    beside = evidently(DriftCase(name="no drift", law=SAME, alarm=False), 3 * WINDOWS)
    result = {
        "streams": QUIET_STREAMS,
        "rows": QUIET_ROWS,
        "alarms": alarmed,
        "highest": round(highest, 2),
        "threshold": round(detector.findings()[0].threshold, 2),
        "microseconds_a_row": round(spent / rows * 1e6, 1),
        "evidently": beside,
    }
    windows = QUIET_STREAMS * QUIET_ROWS // WINDOW
    print(f"No drift: {alarmed} of {QUIET_STREAMS} streams of {QUIET_ROWS:,} rows ({windows} windows) alarmed; highest")
    print(f"score {highest:.1f} of {result['threshold']}; {result['microseconds_a_row']} us of processor a row.")
    print(f"Evidently, {3 * WINDOWS} windows: {_told(beside)}.")
    return result


def waves() -> list[dict[str, Any]]:
    """Thirty days with a daily wave, judged by whole days; a shift begins after the tenth day, or none."""
    streams = 40 if FULL else 2
    print(f"\nA wave of half a standard deviation in 5 of 20 columns, {DAILY_ROWS:,} rows a day ({streams} streams)\n")
    print("| period | shift in one column from day 10 | alarms before | days until the alarm, median / worst |")
    print("| --- | --- | --- | --- |")
    results = []
    for period, shift in ((86_400.0, 0.0), (86_400.0, 0.25), (86_400.0, 0.5), (86_400.0, 1.0), (0.0, 0.0)):
        found = [_first_alarm_in_waves(seed, period, shift) for seed in range(streams)]
        early = sum(day is not None and (day < 10 or not shift) for day in found)  # noqa: PLR2004
        late = sorted(DAYS if day is None else day - 10 for day in found) if shift and not early else []
        results.append({"period": period, "shift": shift, "streams": streams, "false": early, "days": late})
        took = f"{late[len(late) // 2]:.0f} / {late[-1]:.0f}" if late else "-"
        print(f"| {'a day' if period else 'a look'} | {shift or 'none'} | {early} of {streams} | {took} |", flush=True)
    return results


def _first_alarm_in_waves(seed: int, period: float, shift: float, looks: int = 10) -> float | None:
    """The day of the first alarm."""
    rng, law = default_rng(20_000 + seed), Law(wave=0.5)
    reference = Reference.of(law.rows(rng, 4000, days=rng.random(4000)))
    detector = Detector(reference, period_seconds=period)
    for look in range(DAYS * looks + 1):
        day = look / looks
        now = replace(law, shift=shift, columns=1) if day >= 10 else law  # noqa: PLR2004
        detector.add(reference.count(now.rows(rng, DAILY_ROWS // looks, days=day)), at=day * 86_400)
        if any(finding.drifted for finding in detector.findings()):
            return day
    return None


def evidently(case: DriftCase, windows: int) -> dict[str, float]:
    """How often its default report calls the data set drifted, and the mean share of columns that it does."""
    said = list(_reports(case, windows))
    return {
        "windows": windows,
        "dataset": sum(share >= 0.5 for share in said) / windows,  # noqa: PLR2004 - its default
        "columns": float(np.mean(said)),
    }


def _reports(case: DriftCase, windows: int) -> Iterator[float]:
    """Share of columns that each window's report calls drifted."""
    import pandas as pd  # noqa: PLC0415 - the tables of our own need neither
    from evidently import DataDefinition, Dataset, Report  # type: ignore[import-untyped]  # noqa: PLC0415
    from evidently.presets import DataDriftPreset  # type: ignore[import-untyped]  # noqa: PLC0415

    for seed in range(windows):
        rng = default_rng(30_000 + seed)
        reference, live = case.reference.rows(rng, case.reference_rows), case.law.rows(rng, WINDOW)
        numbers = [name for name in reference if name.startswith("number")]
        definition = DataDefinition(
            numerical_columns=numbers, categorical_columns=[name for name in reference if name not in numbers]
        )
        tables = [Dataset.from_pandas(pd.DataFrame(dict(s)), data_definition=definition) for s in (live, reference)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = json.loads(Report([DataDriftPreset()]).run(*tables).json())
        yield next(m["value"]["share"] for m in found["metrics"] if "DriftedColumnsCount" in m["metric_name"])


def _told(said: dict[str, float] | None) -> str:
    if said is None:
        return "-"
    return f"{said['dataset']:.0%}, {said['columns']:.0%}"


def main() -> None:
    """All tables, printed and written."""
    began = time.monotonic()
    results = {"full": FULL, "quiet": quiet(), "detection": detection(), "waves": waves()}
    results["cases"] = [asdict(case) for case in CASES]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"\n{time.monotonic() - began:.0f} s; {RESULTS}")


if __name__ == "__main__":
    main()
