"""Whether a registered version is good enough to be tried on users: judged by its ONNX bytes, on rows it never saw."""

from dataclasses import dataclass

from sklearn.metrics import roc_auc_score

from fraud_detection.champion import scores_of
from fraud_detection.data import LABEL
from fraud_detection.labelled_table import LabelledTable


class BelowBarError(Exception):
    """A version is not good enough; the message has the figures."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How good a version is."""

    model: str
    version: str
    auc: float
    min_auc: float
    rows: int
    """That judged."""
    frauds: int
    """Among them."""

    def __str__(self) -> str:
        judged_by = f"{self.rows} rows, {self.frauds} of them fraud"
        return f"AUC {self.auc:.4f} of {self.model} version {self.version} on {judged_by}"

    def require(self) -> None:
        """Raise BelowBarError with the figures unless the version reaches the bar."""
        # Written so that NaN fails too.
        if not self.auc >= self.min_auc:
            raise BelowBarError(f"{self}: {self.min_auc:g} is needed (--min-auc). No alias was moved")


def evaluate(model: str, version: str, onnx_model: bytes, table: LabelledTable, *, min_auc: float) -> Evaluation:
    """Judge a version by the table's judging rows."""
    truth = table.judging[LABEL]
    return Evaluation(
        model=model,
        version=version,
        auc=float(roc_auc_score(truth, scores_of(onnx_model, table.judging))),
        min_auc=min_auc,
        rows=len(truth),
        frauds=int(truth.sum()),
    )
