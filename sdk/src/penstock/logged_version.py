"""`log_model`: from a trained model to a registered version that Penstock serves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.artifact import VersionArtifact
from penstock.choice import MOST_ROWS, positions_tried
from penstock.conversion import AllowedDifference, converted
from penstock.feature_lookups import Features, features_json
from penstock.frameworks.recognition import recognised
from penstock.model_file import opened_model
from penstock.parity import ParityResult
from penstock.reference import check_names, labels_of, reference_sample
from penstock.registry import TrackingRegistry
from penstock.rows import rows_of


@dataclass(frozen=True, kw_only=True)
class LoggedVersion:
    """A registered version."""

    name: str
    version: str
    run_id: str
    alias: str | None
    """Moved to it; None: none was."""
    parity: ParityResult | None
    """How far its graph's answers lie from the model's own; None: the model was a graph already."""

    @property
    def uri(self) -> str:
        """What MLflow's functions take: `models:/name/version`."""
        return f"models:/{self.name}/{self.version}"


def log_model(
    model: Any,
    *,
    name: str,
    X: object,  # noqa: N803 - scikit-learn's word
    y: object = None,
    features: Features | None = None,
    alias: str | None = None,
    tags: Mapping[str, str] | None = None,
    tolerance: float = 1e-5,
    allow_differing_rows: float = 0.0,
    trust_pickle: bool = False,
    code_paths: Sequence[str] | None = None,
    pip_requirements: Sequence[str] | None = None,
) -> LoggedVersion:
    """Convert a trained model to ONNX, prove that both answer alike, and register it in MLflow.

    `model`: an estimator or pipeline of scikit-learn, a model of LightGBM or XGBoost, a torch.nn.Module, an ONNX model,
    or the path of an .onnx, .joblib, .pkl or .pt file. The last three run code when they are opened, which happens here
    and nowhere else, and only with `trust_pickle=True`.
    `X`: real rows, of training or test, with their missing values and rare categories; every one of them is answered
    by both, and 2,000 become the sample that live data are compared with. `y`: their labels, for that sample.
    `features`: columns that serving looks up in a feature store: ViewLookups, or a `features.json` as a mapping or a
    path. `alias`: moved to the new version, which starts a rollout where Penstock watches it. `tolerance`: by how much
    a probability may differ (see `penstock.parity`); `allow_differing_rows`: share of the rows that may differ by more.
    `code_paths` and `pip_requirements` go to MLflow, for whoever loads the model in its own form.

    Raises ModelRefused (see `penstock.errors`), with what to change; then nothing was logged. Raises RegistryFault
    where MLflow does not answer.
    """
    server = TrackingRegistry()
    given = rows_of(X)
    check_names(given)
    lookups = None if features is None else features_json(features, given)
    all_labels = labels_of(y, given)
    positions = positions_tried(given)
    rows = given.at(positions)
    labels = None if all_labels is None else all_labels[list(positions)]
    trained = recognised(
        opened_model(Path(model), trust_pickle=trust_pickle) if isinstance(model, str | Path) else model
    )
    server.reach()
    conversion = converted(trained, rows, AllowedDifference(of_number=tolerance, of_rows=allow_differing_rows))
    asked = rows.named_as(conversion.graph.inputs)
    artifact = VersionArtifact(
        model=trained,
        conversion=conversion,
        rows=asked,
        sample=reference_sample(asked, labels, conversion.answers, drawn_from=MOST_ROWS),
        features=lookups,
        code_paths=code_paths,
        pip_requirements=pip_requirements,
    )
    metrics = {"parity_max_difference": conversion.parity.max_difference} if conversion.parity else {}
    run_id, info = server.log(name, artifact, tags or {}, metrics)
    version = str(info.registered_model_version)
    if alias is not None:
        server.move_alias(name, alias, version)
    return LoggedVersion(name=name, version=version, run_id=run_id, alias=alias, parity=conversion.parity)
