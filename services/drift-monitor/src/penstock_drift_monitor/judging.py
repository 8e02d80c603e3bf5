"""One detector with what it is fed from: it survives restarts, and no batch reaches it twice."""

import json
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from penstock_drift_monitor.detector.detector import Detector
from penstock_drift_monitor.detector.reference import Reference
from penstock_drift_monitor.detector.sample import Sample
from penstock_drift_monitor.intake import PREDICTION
from penstock_drift_monitor.reference_sample import by_index, fitted, numeric_columns


@dataclass(frozen=True, kw_only=True)
class LoadedReference:
    """A reference sample, binned for one margin."""

    digest: str
    margin: float
    rows: int
    inputs: Reference | None
    """None: the sample has no column beside the prediction."""
    prediction: Reference | None
    """None: the sample has no column `prediction`."""
    numeric: frozenset[str]
    """Columns that hold numbers."""
    prediction_spread: float | None = None
    """Between the 1st and the 99th percentile of the column `prediction`; None: it holds no numbers, or one only."""
    warning: str = ""
    """What of the sample cannot be judged, and why."""

    @classmethod
    def of(cls, digest: str, margin: float, sample: Sample) -> "LoadedReference":
        """Bin a sample. Raises ValueError when nothing of it can be judged."""
        inputs = {name: values for name, values in sample.items() if name != PREDICTION}
        prediction = {name: values for name, values in sample.items() if name == PREDICTION}
        return cls(
            digest=digest,
            margin=margin,
            rows=len(next(iter(sample.values()), ())),
            inputs=Reference.of(inputs, margin=margin) if inputs else None,
            prediction=Reference.of(prediction, margin=margin) if prediction else None,
            numeric=numeric_columns(sample),
            prediction_spread=_spread(sample),
        )

    def named(self, live: Sample) -> Sample:
        """Live columns under the reference's names where the tensor's have none."""
        return by_index(live, self.inputs.columns) if self.inputs else live

    def comparable(self, live: Sample) -> tuple[str, ...]:
        """Those of the reference's input columns that live rows have, as numbers where it has numbers.

        A column that is not recorded (excluded, or named otherwise) is not judged, and neither is one that is recorded
        as text where the reference has numbers (hashed): both are what somebody decided, not what became of the data.
        """
        columns = self.inputs.columns if self.inputs else ()
        forms = fitted(live, self.numeric, frozenset(columns))
        return tuple(
            name
            for name in columns
            if name in forms and (name not in self.numeric or isinstance(forms[name], np.ndarray))
        )

    def fit(self, live: Sample, columns: Collection[str]) -> Sample:
        """Live columns in the reference's form."""
        return fitted(live, self.numeric, frozenset(columns))


def _spread(sample: Sample) -> float | None:
    values = sample.get(PREDICTION)
    if not isinstance(values, np.ndarray) or not (finite := values[np.isfinite(values)]).size:
        return None
    low, high = np.percentile(finite, (1, 99))
    return float(high - low) or None


class DriftJudge:
    """A detector, and the newest batch it has seen."""

    def __init__(self, reference: Reference, *, digest: str, margin: float, period_seconds: float) -> None:
        """Begin anew: nothing was seen."""
        self.reference = reference
        self._period = period_seconds
        self.fingerprint = json.dumps([digest, margin, period_seconds, list(reference.columns)])
        """Of all that the bets depend on: a state of another fingerprint is of another bet."""
        self.detector = Detector(reference, period_seconds=period_seconds)
        self.through = 0
        self.changed = True

    def resume(self, fingerprint: str, through: int, body: bytes) -> bool:
        """Go on from a kept state; False: it is of another bet, or cannot be read, and the judge begins anew."""
        if fingerprint != self.fingerprint:
            return False
        try:
            self.detector = Detector.from_bytes(self.reference, body, period_seconds=self._period)
        except ValueError:
            return False
        self.through, self.changed = through, False
        return True

    def see(self, batch: int, rows: Sample, at: float) -> None:
        """Bet on the rows of a batch. `at`: Unix time of the newest."""
        self.detector.add(self.reference.count(rows), at)
        self.through, self.changed = batch, True

    def pass_by(self, batch: int) -> None:
        """Note that a batch has nothing for this judge. That need not be kept: it will have nothing again."""
        self.through = batch


def columns_of_fingerprint(fingerprint: str) -> tuple[str, ...]:
    """Columns that a kept state's bets are on."""
    return tuple(json.loads(fingerprint)[3])
