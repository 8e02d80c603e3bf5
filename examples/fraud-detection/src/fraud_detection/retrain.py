"""One retraining: fetch the window, fit on old and new, judge against the champion, register if it is better."""

from dataclasses import asdict, dataclass, field

import pandas as pd
from sklearn.metrics import roc_auc_score

from fraud_detection.champion import Champion, scores_of
from fraud_detection.data import LABEL
from fraud_detection.parity import Parity, measure
from fraud_detection.pipeline import Hyperparameters, convert, fit
from fraud_detection.registry import TrackingServer
from fraud_detection.train import Tell, trained_model
from fraud_detection.window import LabelledWindow, Need, fetch_window, require_known_values

REFERENCE_ROWS = 2000
OLD_SHARE = 0.1
"""Of the new reference sample. More than that, and live data would still lie further from it than a margin of 0.05."""


class NotBetter(Exception):
    """The challenger does not beat the champion: nothing was registered. The message has the figures."""


@dataclass(frozen=True, kw_only=True)
class RetrainOrder:
    """What to retrain, with what, and when to be content."""

    window_url: str
    registered_name: str = "fraud-detector"
    alias: str = "champion"
    move_alias: bool = True
    champion: str | None = None
    """The version to beat; None: the one that the alias names."""
    must_gain: float = 0.0
    """The challenger's AUC must be larger than the champion's by more than this."""
    need: Need = field(default_factory=Need)
    old_rows: int = 1000
    """Of the champion's sample, trained on beside the window: so that the world of before is not forgotten."""
    seed: int = 1
    reason: str = ""
    report_url: str = ""
    run_tag: str = ""
    """Whom it is retrained for: the Job's name. A Job that is tried again registers nothing twice."""
    resource: str = ""
    """Namespace and name of the ModelDeployment whose users sent the window."""
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)


@dataclass(frozen=True, kw_only=True)
class AucJudgement:
    """Both models on the newest fifth of the window."""

    champion_version: str
    champion_auc: float
    challenger_auc: float
    rows: int
    positives: int

    def require(self, must_gain: float) -> None:
        """Raise NotBetter with the figures unless the challenger is better by more than that."""
        # Written so that NaN is not better.
        if not self.challenger_auc - self.champion_auc > must_gain:
            raise NotBetter(
                f"AUC {self.challenger_auc:.4f} of the challenger against {self.champion_auc:.4f} of the champion "
                f"(version {self.champion_version}) on the newest {self.rows} labelled rows, {self.positives} of them "
                f"fraud: a gain of more than {must_gain:g} is asked for (--must-gain). Nothing was registered"
            )


@dataclass(frozen=True, kw_only=True)
class RetrainOutcome:
    """What came of it; the last line of the command, as JSON."""

    model: str
    version: str
    run_id: str
    alias: str | None
    """Moved to the new version; None: it was not to be moved."""
    champion_version: str
    champion_auc: float | None = None
    """None: a try before this one judged, and its run has the figures."""
    challenger_auc: float | None = None
    window_rows: int | None = None
    parity: Parity | None = None


def retrain(order: RetrainOrder, registry: TrackingServer, tell: Tell) -> RetrainOutcome:
    """Retrain once.

    Nothing is registered when the challenger is not better (NotBetter), when labels are too few (TooFewLabels), when
    the window or the champion cannot be had (WindowError, ChampionError), or when ONNX and scikit-learn disagree
    (ParityError).
    """
    registry.reach()
    version = order.champion or registry.version_of(order.registered_name, order.alias)
    before = registry.retrained_for(order.registered_name, order.run_tag) if order.run_tag else None
    if before is not None:
        tell(f"version {before.version} was registered for {order.run_tag} already")
        _move(order, registry, before.version, tell)
        return RetrainOutcome(
            model=order.registered_name,
            version=before.version,
            run_id=before.run_id,
            alias=order.alias if order.move_alias else None,
            champion_version=version,
        )
    window = fetch_window(order.window_url, order.need)
    tell(
        f"{window.rows} labelled rows from {window.first} to {window.last}, {window.judging[LABEL].sum()} frauds in "
        f"the newest fifth; {window.unreadable} rows cannot be read"
    )
    return _challenge(order, registry, window, registry.champion(order.registered_name, version), tell)


def _challenge(
    order: RetrainOrder, registry: TrackingServer, window: LabelledWindow, champion: Champion, tell: Tell
) -> RetrainOutcome:
    require_known_values(window, champion.sample)
    old = champion.sample.sample(n=min(order.old_rows, len(champion.sample)), random_state=order.seed)
    training = pd.concat([old, window.training], ignore_index=True)
    tell(f"{len(training)} rows to train on: {len(old)} of version {champion.version}'s sample, the rest of the window")
    pipeline = fit(training, seed=order.seed, hyperparameters=order.hyperparameters, tell=tell)
    onnx_model = convert(pipeline)
    graph = onnx_model.SerializeToString()
    parity = measure(pipeline, graph, window.judging)
    parity.require()
    truth = window.judging[LABEL]
    judgement = AucJudgement(
        champion_version=champion.version,
        champion_auc=float(roc_auc_score(truth, champion.answers(window.judging))),
        challenger_auc=float(roc_auc_score(truth, scores_of(graph, window.judging))),
        rows=len(truth),
        positives=int(truth.sum()),
    )
    judgement.require(order.must_gain)
    tell(f"AUC {judgement.challenger_auc:.4f} against the champion's {judgement.champion_auc:.4f}")
    registered = registry.track(
        order.registered_name,
        trained_model(pipeline, onnx_model, window.training, reference_rows(old, window.training, seed=order.seed)),
        _parameters(order, window, champion),
        {
            "auc_champion": judgement.champion_auc,
            "auc_challenger": judgement.challenger_auc,
            "parity_max_difference": parity.max_difference,
        },
        lineage(order, window, judgement),
    )
    tell(f"registered {order.registered_name} version {registered.version}")
    _move(order, registry, registered.version, tell)
    return RetrainOutcome(
        model=order.registered_name,
        version=registered.version,
        run_id=registered.run_id,
        alias=order.alias if order.move_alias else None,
        champion_version=champion.version,
        champion_auc=judgement.champion_auc,
        challenger_auc=judgement.challenger_auc,
        window_rows=window.rows,
        parity=parity,
    )


def reference_rows(old: pd.DataFrame, new: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Draw the sample that live data is compared with, from what was trained on.

    Nearly all of it is of the window: that is what the version will meet, so the alarm ends once it serves. OLD_SHARE
    of it is of before: the next retraining learns from it too.
    """
    wanted = min(REFERENCE_ROWS, len(new))
    kept = min(len(old), int(wanted * OLD_SHARE))
    rows = pd.concat(
        [old.sample(n=kept, random_state=seed), new.sample(n=wanted - kept, random_state=seed)], ignore_index=True
    )
    return rows.sample(frac=1, random_state=seed)


def lineage(order: RetrainOrder, window: LabelledWindow, judgement: AucJudgement) -> dict[str, str]:
    """Give the tags of run and version: why it exists, what it was trained on, and whom it beat."""
    tags = {
        "champion_version": judgement.champion_version,
        "champion_auc": f"{judgement.champion_auc:.6f}",
        "challenger_auc": f"{judgement.challenger_auc:.6f}",
        "window_from": window.first,
        "window_to": window.last,
        "window_rows": str(window.rows),
        "report_url": order.report_url,
        "retrained_for": order.run_tag,
        "reason": order.reason,
        "resource": order.resource,
    }
    return {f"penstock.{name}": value for name, value in tags.items() if value}


def _move(order: RetrainOrder, registry: TrackingServer, version: str, tell: Tell) -> None:
    if order.move_alias:
        registry.move_alias(order.registered_name, order.alias, version)
        tell(f"alias {order.alias} names version {version}")


def _parameters(order: RetrainOrder, window: LabelledWindow, champion: Champion) -> dict[str, object]:
    return asdict(order.hyperparameters) | {
        "seed": order.seed,
        "champion": champion.version,
        "old_rows": min(order.old_rows, len(champion.sample)),
        "window_rows": len(window.training),
    }
