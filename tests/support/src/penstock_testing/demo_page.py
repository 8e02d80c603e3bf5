"""The demo's story as one HTML page that needs nothing else: facts, pictures over time, decisions."""

import base64
import io
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_SIZE = (9.0, 2.4)
_MOST_COLUMNS = 6
"""Curves of the drift picture: those that came furthest."""
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }
figure { margin: 1.5rem 0; } figure img { width: 100%; height: auto; }
figcaption { color: #444; }
"""


class StoryPage:
    """Draws a summary of the demo."""

    def __init__(self, summary: Mapping[str, Any]) -> None:
        """`summary`: as in `summary.json`."""
        self._summary = summary
        self._moments: list[Mapping[str, Any]] = summary["timeline"]
        self._samples: list[Mapping[str, Any]] = summary["monitor"]
        self._runs: list[Mapping[str, Any]] = summary["traffic"]
        self._begun: float = self._runs[0]["started"][1]
        self._end = self._runs[-1]["started"][1] + len(self._runs[-1]["timeline"]) - self._begun

    def render(self) -> str:
        """The page."""
        pictures = [
            ("Weight of the version on trial (%)", "steps, promotion and rollback", self._weights),
            ("Answers a second, by version", "told by what onnxruntime computes for each version", self._answers),
            (
                "Failures",
                "users' requests: none should fail; tries on trial: the gate's evidence, each made up for by stable",
                self._failures,
            ),
            ("Drift: score / threshold, by column", "from 1 on a column has drifted; log scale", self._drift),
            ("Live quality: ROC AUC, by version", "from the labels that had come by then", self._quality),
        ]
        title = "Penstock: the demo's story"
        parts = [
            f"<h1>{title}</h1>",
            _table(self._facts()),
            "<h2>Over time</h2>",
            *(self._figure(*picture) for picture in pictures),
            "<h2>Decisions</h2>",
            _table(
                (f"Version {record['version']}", f"{record['completion']} ({record['reason']}): {record['message']}")
                for record in self._summary["decisions"]
            ),
            "<h2>Drift and retraining</h2>",
            _table(self._loop()),
            f'<p><a href="{escape(self._summary["retraining"]["report"])}">Evidently\'s report</a> of that window</p>',
            "<h2>Stages</h2>",
            _table((stage["name"], f"{stage['seconds']:g} s") for stage in self._summary["stages"]),
        ]
        head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
        return (
            f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head><body><main>'
            + "\n".join(parts)
            + "</main></body></html>\n"
        )

    def _facts(self) -> list[tuple[str, str]]:
        summary = self._summary
        by_version = ", ".join(f"version {name}: {count}" for name, count in sorted(summary["by_version"].items()))
        return [
            ("Users' requests", f"{summary['requests_sent']} sent, {summary['requests_failed']} failed"),
            ("Answered by", by_version),
            ("Serves at the end", f"version {summary['stable']['version']}, {summary['stable']['digest']}"),
            ("Time", f"{summary['seconds']:g} s"),
            ("Problems", "; ".join(summary["problems"]) or "none"),
        ]

    def _loop(self) -> list[tuple[str, str]]:
        retraining = self._summary["retraining"]
        job = retraining["job"]
        labels = ", ".join(f"{count} {outcome}" for outcome, count in retraining["labels"].items() if count)
        return [
            ("Condition DriftDetected", f"{self._summary['drift']['reason']}: {self._summary['drift']['message']}"),
            ("Alert", self._alert()),
            ("Labels", labels),
            ("Job", f"{job['name']}: {job['end'] or 'under way'}; columns {', '.join(job['columns'])}"),
            *(sorted(retraining["lineage"].items())),
        ]

    def _alert(self) -> str:
        alert = self._summary["alert"]
        if not alert:
            return "not looked for: no Prometheus on this machine"
        return f"{alert['labels']['alertname']}, since {alert['since']}: {alert['annotations']['summary']}"

    def _figure(self, title: str, caption: str, draw: Callable[[Axes], None]) -> str:
        with mpl.rc_context({"svg.hashsalt": title, "font.size": 9, "axes.spines.top": False}):
            figure = Figure(figsize=_SIZE, layout="constrained")
            axes = figure.subplots()
            axes.set_title(title, loc="left", fontweight="bold")
            axes.set_xlim(0, self._end)
            axes.set_xlabel("seconds since the first request")
            axes.grid(visible=True, alpha=0.3)
            draw(axes)
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
            file = io.BytesIO()
            figure.savefig(file, format="svg")
        data = base64.b64encode(file.getvalue()).decode()
        return (
            f'<figure><img alt="{escape(title)}" src="data:image/svg+xml;base64,{data}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )

    def _weights(self, axes: Axes) -> None:
        times = [moment["at"] - self._begun for moment in self._moments]
        candidates = sorted({moment["candidate"] for moment in self._moments if moment["candidate"]}, key=int)
        for version in candidates:
            weights = [moment["weight"] if moment["candidate"] == version else 0 for moment in self._moments]
            axes.step([*times, self._end], [*weights, 0], where="post", label=f"version {version}")
        axes.set_ylim(0, 105)

    def _answers(self, axes: Axes) -> None:
        versions = sorted({name for run in self._runs for second in run["timeline"] for name in second["by_version"]})
        for version in versions:
            if " or " in version:
                continue  # a few answers that two versions give alike
            points = [
                (run["started"][1] + second["second"] - self._begun, second["by_version"].get(version, 0))
                for run in self._runs
                for second in run["timeline"]
            ]
            axes.plot(*zip(*points, strict=True), label=f"version {version}")
        axes.set_ylim(bottom=0)

    def _failures(self, axes: Axes) -> None:
        failed = [
            (run["started"][1] + second["second"] - self._begun, second["failed"])
            for run in self._runs
            for second in run["timeline"]
        ]
        axes.plot(*zip(*failed, strict=True), label="users' requests, a second", linewidth=2)
        tries = [(moment["at"] - self._begun, moment["failed_tries"]) for moment in self._moments]
        axes.step(*zip(*tries, strict=True), where="post", label="tries on trial, so far")
        axes.set_ylim(bottom=-0.5)

    def _drift(self, axes: Axes) -> None:
        furthest: dict[str, float] = {}
        for sample in self._samples:
            for name, score in sample["scores"].items():
                furthest[name] = max(score, furthest.get(name, 0.0))
        for name in sorted(furthest, key=lambda each: -furthest[each])[:_MOST_COLUMNS]:
            points = [(each["at"] - self._begun, max(each["scores"].get(name, 0.0), 0.01)) for each in self._samples]
            axes.plot(*zip(*points, strict=True), label=name)
        axes.axhline(1.0, color="black", linestyle="--", linewidth=1)
        axes.set_yscale("log")

    def _quality(self, axes: Axes) -> None:
        for version in sorted({name for each in self._samples for name in each["roc_auc"]}):
            points = [
                (each["at"] - self._begun, each["roc_auc"][version])
                for each in self._samples
                if version in each["roc_auc"]
            ]
            (line,) = axes.plot(*zip(*points, strict=True), label=f"version {version}")
            trained = [each for each in self._summary["versions"] if each["version"] == version and "auc_test" in each]
            if trained:
                axes.axhline(
                    trained[0]["auc_test"],
                    color=line.get_color(),
                    linestyle=":",
                    label=f"version {version} in training",
                )


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = (f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows)
    return f"<table>{''.join(lines)}</table>"
