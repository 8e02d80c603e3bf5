"""What a ModelDeployment's status said while a test ran."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Self

from penstock_contracts.names import KIND as KIND_NAME
from penstock_testing.cluster import Object
from penstock_testing.model_deployments import KIND, Deployed


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
        )

    @property
    def shown(self) -> tuple[str, str, str, str, int]:
        """What a user reads of it."""
        return self.phase, self.message, self.stable, self.candidate, self.weight


@dataclass
class Timeline:
    """Watches a ModelDeployment (`kubectl get --watch`) and keeps each change, from entering its context."""

    deployed: Deployed
    tell: Callable[[Moment], None] = lambda _: None
    """Gets each moment as it is seen."""
    moments: list[Moment] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)
    _process: subprocess.Popen[str] | None = None
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._process = self._watch()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._process:
            self._process.terminate()
        if self._thread:
            self._thread.join(timeout=30)

    def phases(self) -> list[str]:
        """In their order."""
        return [phase for phase, _ in groupby(moment.phase for moment in self.moments)]

    def weights(self, version: str) -> list[int]:
        """The shares that version had while it was on trial, in their order."""
        return [weight for weight, _ in groupby(each.weight for each in self.moments if each.candidate == version)]

    def _watch(self) -> subprocess.Popen[str]:
        name, namespace = self.deployed.name, self.deployed.namespace
        return self.deployed.cluster.start_kubectl("get", KIND, name, "-n", namespace, "--watch", "-o", "json")

    def _follow(self) -> None:
        while self._process and self._process.stdout:
            for found in documents(self._process.stdout):
                if found["kind"] == KIND_NAME:  # not the Status object by which the API server ends a watch
                    self._add(Moment.of(found.get("status") or {}))
            self._process.wait()
            if self._end.wait(0.5):
                return
            self._process = self._watch()  # the API server ends a watch now and then
            if self._end.is_set():
                self._process.terminate()

    def _add(self, moment: Moment) -> None:
        if not self.moments or self.moments[-1].shown != moment.shown:
            self.moments.append(moment)
            self.tell(moment)


def documents(lines: Iterable[str]) -> Iterator[Object]:
    """JSON objects that kubectl prints one after the other, indented; one that is cut short is left out."""
    gathered: list[str] = []
    for line in lines:
        gathered.append(line)
        if line.rstrip() == "}":
            yield json.loads("".join(gathered))
            gathered.clear()
