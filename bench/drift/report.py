# ruff: noqa: T201
"""What an Evidently report takes: seconds, processor and memory of its process, for 5,000 rows. `make bench-report`.

A minute. Each report is made as the monitor makes it, in a process of its own under a limit of 1 GiB.
"""

import asyncio
import resource
import time

import numpy as np

from penstock_contracts.drift import ColumnDrift, DriftVerdict
from penstock_drift_monitor.reports.job import ReportJob, make_report

ROWS = 5000
WIDTHS = (20, 200)
TIMES = 3
GIB = 2**30


def job_of(columns: int) -> ReportJob:
    """Return a report's content: a quarter of the columns have moved by half a standard deviation, labels are known."""
    rng = np.random.default_rng(columns)
    names = [f"column_{number}" for number in range(columns - 1)]
    moved = {name: 0.5 if place % 4 == 0 else 0.0 for place, name in enumerate(names)}
    verdicts = [
        ColumnDrift(
            name=name,
            test="shape",
            verdict=DriftVerdict.DRIFT if shift else DriftVerdict.NO_DRIFT,
            score=40.0 if shift else 1.0,
            threshold=13.6,
            rows=ROWS,
        )
        for name, shift in (*moved.items(), ("prediction", 0.0))
    ]
    return ReportJob(
        title="bench/report",
        reference={name: rng.normal(size=ROWS) for name in names} | {"prediction": rng.random(ROWS)},
        current={name: rng.normal(shift, size=ROWS) for name, shift in moved.items()}
        | {"prediction": rng.random(ROWS)},
        columns=tuple(verdicts),
        labels=rng.integers(0, 2, ROWS).tolist(),
        dataset_drift=True,
        message="a quarter of the columns has drifted",
    )


def main() -> None:
    """Print a line for each width. Memory is the largest of all processes so far: the narrow report comes first."""
    for columns in WIDTHS:
        seconds, processor, size = [], [], 0
        for _ in range(TIMES):
            before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            report = asyncio.run(make_report(job_of(columns), seconds=300, memory_bytes=GIB))
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(time.perf_counter() - begun)
            processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            size = len(report.html)
        shown = sum(column["shown"] for column in report.summary["columns"])
        print(
            f"{ROWS:,} rows, {columns} columns ({shown} with plots): {sorted(seconds)[TIMES // 2]:.1f} s, "
            f"{sorted(processor)[TIMES // 2]:.1f} s of processor, at most {after.ru_maxrss / 1024:.0f} MiB resident, "
            f"page of {size / 1e6:.1f} MB",
            flush=True,
        )


if __name__ == "__main__":
    main()
