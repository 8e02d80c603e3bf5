"""Renders docs/reference/metrics.md below the folder given as argument (default: here)."""

import sys
from itertools import groupby
from pathlib import Path

from penstock_contracts.metric_names import METRICS, Metric

PAGE = "docs/reference/metrics.md"
_PREAMBLE = (
    "Every series that a part exports on `/metrics`. Generated from the code: do not edit.",
    "",
    "Each part has Prometheus' usual `process_*` series too. The predictor, which may be several processes, has them",
    "by a label `worker`.",
)


def page() -> str:
    """The whole page."""
    lines = ["# Metrics", "", *_PREAMBLE]
    for part, metrics in groupby(sorted(METRICS, key=lambda metric: metric.part), key=lambda metric: metric.part):
        lines += ["", f"## {part}", "", "| series | kind | labels | meaning |", "| --- | --- | --- | --- |"]
        lines += [_row(metric) for metric in metrics]
    return "\n".join(lines) + "\n"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} |"


def main(root: Path) -> None:
    """Write the page below `root`."""
    target = root / PAGE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd())
