"""What became of a version's rollout, as Penstock writes it on the version in MLflow: one tag for each resource."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

PROMOTED = "Promoted"
_PREFIX = "penstock."


class NotPromotedError(Exception):
    """A rollout ended otherwise than by promotion; the message is its decision record."""


class NoOutcomeError(Exception):
    """No rollout ended in time; the message says where to look."""


@dataclass(frozen=True, kw_only=True)
class RolloutOutcome:
    """How an attempt ended: the decision record, as the tag has it."""

    resource: str
    """namespace/name of the ModelDeployment."""
    cluster: str
    """The administrator's name for it; empty: it has none."""
    attempt: int
    completion: str
    reason: str
    message: str
    ended_at: str

    def __str__(self) -> str:
        where = f"{self.resource} on {self.cluster}" if self.cluster else self.resource
        return (
            f"{where}, attempt {self.attempt}: {self.completion} ({self.reason}) at {self.ended_at}\n  {self.message}"
        )


@dataclass(frozen=True, kw_only=True)
class Awaited:
    """Whose outcome is waited for."""

    model: str
    version: str
    resource: str
    cluster: str = ""
    """Empty: any. Several clusters may follow one alias."""

    def outcomes(self, tags: Mapping[str, str]) -> tuple[RolloutOutcome, ...]:
        """Find what the version's tags say of the resource."""
        found = (_read(value) for key, value in sorted(tags.items()) if key.startswith(_PREFIX))
        return tuple(
            each for each in found if each and each.resource == self.resource and self.cluster in ("", each.cluster)
        )


def find_serving(awaited: Awaited, tags: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Find the versions that serve, one for each cluster: what was promoted there last.

    `tags`: of each version of the model.
    """
    last: dict[str, tuple[str, str]] = {}
    for version, of_version in tags.items():
        for outcome in awaited.outcomes(of_version):
            if outcome.completion == PROMOTED:
                last[outcome.cluster] = max(last.get(outcome.cluster, ("", "")), (outcome.ended_at, version))
    return {version for _, version in last.values()}


def await_promotion(
    awaited: Awaited, read_tags: Callable[[], Mapping[str, str]], wait: Callable[[], bool]
) -> tuple[RolloutOutcome, ...]:
    """Read the version's tags until they have an outcome; answer it when it is a promotion, of all clusters that tell.

    `wait` waits until they are to be read again and answers False when the time is over. Raises NotPromotedError and
    NoOutcomeError.
    """
    while not (outcomes := awaited.outcomes(read_tags())):
        if not wait():
            namespace, _, name = awaited.resource.partition("/")
            raise NoOutcomeError(
                f"MLflow has no outcome of {awaited.model} version {awaited.version} at {awaited.resource} yet. What "
                "the rollout waits for, such as requests or a person, or why it did not begin: "
                f"kubectl describe mdep {name} -n {namespace}"
            )
    if any(each.completion != PROMOTED for each in outcomes):
        told = "\n".join(map(str, outcomes))
        raise NotPromotedError(f"{awaited.model} version {awaited.version} was not promoted:\n{told}")
    return outcomes


def _read(value: str) -> RolloutOutcome | None:
    """Read a tag's value; None: it is no outcome."""
    try:
        told = json.loads(value)
        return RolloutOutcome(
            resource=str(told["resource"]),
            cluster=str(told.get("cluster", "")),
            attempt=int(told["attempt"]),
            completion=str(told["completion"]),
            reason=str(told["reason"]),
            message=str(told["message"]),
            ended_at=str(told["endedAt"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
