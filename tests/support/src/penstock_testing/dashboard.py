"""A Grafana dashboard of the chart without Grafana: its queries asked of a Prometheus, the answers as a picture."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from penstock_testing.cluster import Object
from penstock_testing.platform import ROOT
from penstock_testing.prometheus_server import PrometheusServer

FOLDER = ROOT / "charts" / "penstock" / "files" / "dashboards"
_A_ROW = 3


@dataclass(frozen=True, kw_only=True)
class AskedQuery:
    """One query of a panel, with what a Prometheus answered."""

    expression: str
    legend: str
    series: list[Object]

    @property
    def points(self) -> int:
        """Values that are numbers."""
        return sum(not math.isnan(float(value)) for each in self.series for _, value in each["values"])


@dataclass(frozen=True, kw_only=True)
class AskedPanel:
    """A panel with its answers."""

    title: str
    queries: tuple[AskedQuery, ...]


class AskedDashboard:
    """All panels of one dashboard over a time."""

    def __init__(
        self, file: Path, server: PrometheusServer, variables: Mapping[str, str], *, start: float, end: float
    ) -> None:
        self.content: Object = json.loads(file.read_text())
        self._start = start
        self.panels = tuple(
            AskedPanel(
                title=panel["title"],
                queries=tuple(
                    AskedQuery(
                        expression=target["expr"],
                        legend=target["legendFormat"],
                        series=server.course(_filled(target["expr"], variables), start=start, end=end),
                    )
                    for target in panel["targets"]
                ),
            )
            for panel in self.content["panels"]
        )

    def draw(self, file: Path) -> None:
        """Write a picture (PNG) of all panels."""
        rows = math.ceil(len(self.panels) / _A_ROW)
        figure = Figure(figsize=(6 * _A_ROW, 3.2 * rows), layout="constrained")
        figure.suptitle(self.content["title"], fontsize=16)
        places = list(figure.subplots(rows, _A_ROW, squeeze=False).flat)
        for axes in places[len(self.panels) :]:
            axes.set_visible(False)
        for axes, panel in zip(places, self.panels, strict=False):
            axes.set_title(panel.title, fontsize=10)
            axes.grid(visible=True, alpha=0.3)
            for query in panel.queries:
                for series in query.series:
                    times, values = zip(
                        *((at - self._start, float(value)) for at, value in series["values"]), strict=True
                    )
                    axes.plot(times, values, label=_called(query.legend, series["metric"]))
            if axes.get_legend_handles_labels()[0]:
                axes.legend(fontsize=7)
        figure.savefig(file, dpi=70)


def _filled(expression: str, variables: Mapping[str, str]) -> str:
    for name, value in variables.items():
        expression = expression.replace(f"${name}", value)
    return expression


def _called(legend: str, labels: Mapping[str, str]) -> str:
    for name, value in labels.items():
        legend = legend.replace("{{" + name + "}}", value)
    return legend
