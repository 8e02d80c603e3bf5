from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import quote

from penstock_contracts.drift import DriftVerdict
from penstock_drift_monitor.pages.markup import Markup, element, joined
from penstock_drift_monitor.pages.source import SilentReplica, WatchedModel
from penstock_drift_monitor.pages.table import NOTHING, moment, number, table, verdict

TITLE: Final = "Drift of all models"
_HEADS: Final = (
    "Model",
    "Phase",
    "Versions",
    "Verdict",
    "Reason",
    "Columns",
    "Rows",
    "Dropped",
    "Last record",
    "Last decision",
)
_ORDER: Final = (DriftVerdict.DRIFT, DriftVerdict.ERROR, DriftVerdict.INCONCLUSIVE, DriftVerdict.NO_DRIFT)


def fleet(models: Sequence[WatchedModel], silent: Sequence[SilentReplica] = ()) -> Markup:
    """Show every watched model, those that need somebody first. `silent`: replicas whose models are not among them."""
    heading = joined(element("h1", TITLE), _missing(silent))
    if not models and silent:
        return heading
    if not models:
        return joined(
            heading,
            element("p", "No model is watched: a ModelDeployment with spec.drift has its model watched."),
        )
    first = sorted(
        models, key=lambda model: (_ORDER.index(model.report.verdict), model.report.namespace, model.report.name)
    )
    return joined(
        heading,
        element("p", _counted(models), class_="quiet"),
        element("div", table("Watched models", _HEADS, map(_row, first)), class_="card"),
    )


def versions(model: WatchedModel) -> str:
    """Write which versions a model has, and their shares of users' requests."""
    stable, weights = model.wish.stable.version, model.wish.rollout.weights
    named = dict.fromkeys((stable, *(version.version for version in model.wish.others)))
    facts = {name: ["stable"] if name == stable else [] for name in named}
    for name, weight in weights.items():
        facts.setdefault(name, []).append(f"{weight} %")
    return ", ".join(f"{name} ({', '.join(told)})" if told else name for name, told in facts.items())


def drifting(model: WatchedModel) -> str:
    """Write how many columns drift."""
    columns = model.report.columns
    count = sum(column.verdict is DriftVerdict.DRIFT for column in columns)
    return f"{count:,} of {len(columns):,} drift" if columns else "none judged"


def path(model: WatchedModel) -> str:
    """Write namespace and name for an address."""
    return f"{quote(model.report.namespace, safe='')}/{quote(model.report.name, safe='')}"


def _missing(silent: Sequence[SilentReplica]) -> Markup:
    if not silent:
        return joined()
    named = ", ".join(f"{replica.name} ({replica.why})" for replica in silent)
    said = f" The models of these replicas are missing: {named}."
    return element("p", element("b", "Not all models are here."), said)


def _counted(models: Iterable[WatchedModel]) -> str:
    verdicts = [model.report.verdict for model in models]
    words = {
        DriftVerdict.DRIFT: "drift",
        DriftVerdict.ERROR: "cannot be judged",
        DriftVerdict.INCONCLUSIVE: "inconclusive",
        DriftVerdict.NO_DRIFT: "without drift",
    }
    return ", ".join(f"{verdicts.count(value):,} {words[value]}" for value in _ORDER if value in verdicts)


def _row(model: WatchedModel) -> tuple[str, ...]:
    report = model.report
    return (
        element("a", f"{report.namespace}/{report.name}", href=f"models/{path(model)}"),
        model.wish.rollout.phase or NOTHING,
        versions(model),
        verdict(report.verdict),
        report.reason.value,
        drifting(model),
        number(report.rows),
        number(report.dropped),
        moment(model.last_record, "never"),
        model.wish.rollout.decision or NOTHING,
    )
