"""A rollout's world in which drift comes and goes: what every way of training is tried in."""

from datetime import timedelta
from typing import Self

from penstock_contracts.api.retrain import RetrainingJob, RetrainingStatus
from penstock_contracts.api.status import Condition
from penstock_contracts.drift import DriftReason, DriftVerdict
from penstock_controller.rollout.monitor_answer import DriftFinding, Monitoring
from penstock_controller.rollout.training import retraining
from penstock_testing.rollout_world import RolloutWorld

QUIET = Monitoring(
    installed=True,
    finding=DriftFinding(verdict=DriftVerdict.NO_DRIFT, reason=DriftReason.NO_DRIFT),
    report_url="http://m",
)


class TrainingWorld(RolloutWorld):
    """Each kind of training adds what it starts, and what is seen of that."""

    @property
    def training(self) -> RetrainingStatus:
        """What status keeps of it."""
        assert self.status.retraining
        return self.status.retraining

    @property
    def job(self) -> RetrainingJob:
        """The newest training."""
        assert self.training.job
        return self.training.job

    @property
    def condition(self) -> Condition:
        """Retraining."""
        return next(item for item in self.status.conditions if item.type == retraining.CONDITION)

    @property
    def events(self) -> list[str]:
        """Reasons that were told."""
        return [told.reason for told in self.announcements if told.of_retraining]

    def drifts(self, *columns: str, reason: DriftReason = DriftReason.DATASET_DRIFT, ago: float = 0.0) -> Self:
        """The monitor tells of drift that began so many seconds ago."""
        since = (self.now - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
        finding = DriftFinding(
            verdict=DriftVerdict.DRIFT, reason=reason, columns=columns or ("amount",), since=since, message="drift"
        )
        self.monitoring = Monitoring(installed=True, finding=finding, report_url="http://m")
        return self

    def calms(self) -> Self:
        """The drift is over."""
        self.monitoring = QUIET
        return self

    def passes(self, number: int = 3) -> Self:
        """So many passes at one moment."""
        for _ in range(number):
            self.run_pass()
        return self

    def waits(self, seconds: float) -> Self:
        """Passes after so long."""
        self.now += timedelta(seconds=seconds)
        return self.passes()
