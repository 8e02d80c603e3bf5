"""What a ModelDeployment's status said while a test ran."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Self

from penstock_testing.cluster import Object
from penstock_testing.model_deployments import Deployed, gate_figures
from penstock_testing.status_watch import StatusWatch


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A status that differed from the one before."""

    at: float
    """Unix time at which it was seen."""
    phase: str
    message: str
    stable: str
    candidate: str
    weight: int
    """The candidate's, in per cent."""
    number: int
    """Of the desired traffic split."""
    failed_tries: int
    """Of the candidate, as its gates have counted them."""

    @classmethod
    def of(cls, status: Object) -> "Moment":
        """Now."""
        candidate = status.get("candidate") or {}
        return cls(
            at=time.time(),
            phase=status.get("phase", ""),
            message=status.get("message", ""),
            stable=(status.get("stable") or {}).get("version", ""),
            candidate=candidate.get("version", ""),
            weight=candidate.get("weight", 0),
            number=((status.get("traffic") or {}).get("desired") or {}).get("number", 0),
            failed_tries=max(
                (int(gate_figures(gate).get("failures", 0)) for gate in status.get("gates", [])), default=0
            ),
        )

    @property
    def shown(self) -> tuple[str, str, str, str, int]:
        """What a user reads of it."""
        return self.phase, self.message, self.stable, self.candidate, self.weight


class Timeline:
    """Keeps each change of a ModelDeployment's status, from entering its context until leaving it."""

    def __init__(self, deployed: Deployed, *, tell: Callable[[Moment], object] = lambda _: None) -> None:
        """`tell` gets each moment as it is seen."""
        self._tell = tell
        self.moments: list[Moment] = []
        self._watch = StatusWatch(deployed.cluster, deployed.namespace, deployed.name, self.add)

    def __enter__(self) -> Self:
        self._watch.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._watch.__exit__(*exception)

    def add(self, status: Object) -> None:
        """Keep a status, where a user would read something new in it."""
        moment = Moment.of(status)
        if not self.moments or self.moments[-1].shown != moment.shown:
            self.moments.append(moment)
            self._tell(moment)

    def phases(self) -> list[str]:
        """In their order."""
        return [phase for phase, _ in groupby(moment.phase for moment in self.moments)]

    def weights(self, version: str) -> list[int]:
        """The shares that version had while it was on trial, in their order."""
        return [weight for weight, _ in groupby(each.weight for each in self.moments if each.candidate == version)]
