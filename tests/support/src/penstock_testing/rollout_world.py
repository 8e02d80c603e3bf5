"""A world of values for the rollout engine: workloads, gateway pods and a clock, moved by hand. No I/O, no sleep.

It stands in for nothing that has a real part in component tests: it only says what a pass would see next, and obeys the
actions of a decision as the cluster would. Invariants are checked from outside after every pass.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from penstock_contracts.traffic import TrafficSplit
from penstock_controller.api.status import ModelDeploymentStatus
from penstock_controller.api.v1alpha1 import ModelDeploymentSpec
from penstock_controller.rollout import evidence
from penstock_controller.rollout.actions import (
    Action,
    Announcement,
    CreateWorkload,
    Decision,
    DeleteWorkload,
    ForgetPromotion,
    MarkPromoted,
    ScaleWorkload,
)
from penstock_controller.rollout.engine import advance
from penstock_controller.rollout.observation import (
    GatewayPod,
    Observation,
    Reading,
    Target,
    Unresolved,
    Wanted,
    Workload,
)
from penstock_testing.rollout_counters import GatewayCounters

_PASSES = 300
_START = datetime(2026, 1, 1, tzinfo=UTC)


def wanted(version: str, *, digest: str = "", revision: str = "") -> Wanted:
    """Version N, with bytes and a revision of its own unless told otherwise."""
    return Wanted(
        version=version,
        created_at_ms=1000 + int(version),
        digest=digest or f"sha256:{version * 64}"[:71],
        revision=revision or f"rev{version}",
    )


AT_ONCE: dict[str, object] = {
    "strategy": {"canary": {"steps": []}},
    "analysis": {"gates": []},
    "bake": {"duration": "0s"},
}
"""A new version gets everything as soon as its pods are ready; nothing is proven and nothing bakes."""


def spec(**fields: object) -> ModelDeploymentSpec:
    """A spec that states only what matters; versions take over at once unless it says otherwise."""
    registry = {"registry": {"model": "m", "alias": "champion"}}
    return ModelDeploymentSpec.model_validate({**registry, **AT_ONCE, **fields})


@dataclass
class RolloutWorld:
    """What the engine sees and changes."""

    spec: ModelDeploymentSpec = field(default_factory=spec)
    target: Target = field(default_factory=lambda: Unresolved(reason="AskingRegistry", message="asking the registry"))
    status: ModelDeploymentStatus = field(default_factory=ModelDeploymentStatus)
    workloads: dict[str, Workload] = field(default_factory=dict)
    gateways: dict[str, TrafficSplit | None] = field(default_factory=lambda: {"gw-0": None, "gw-1": None})
    silent: set[str] = field(default_factory=set)
    """Gateway pods that apply nothing."""
    broken: set[str] = field(default_factory=set)
    """Revisions whose pods never get ready."""
    requests: int = 100
    """Requests that each gateway pod gets in a tick."""
    failing: dict[str, float] = field(default_factory=dict)
    """Revision to its share of failed tries."""
    deaf: bool = False
    """No gateway pod answers when its counters are asked for."""
    promote: str = ""
    """What the user's annotation says."""
    lost: int = 0
    """Requests that failed in users' eyes."""
    counters: dict[str, GatewayCounters] = field(default_factory=dict)
    now: datetime = _START
    generation: int = 1
    actions: list[Action] = field(default_factory=list)
    announcements: list[Announcement] = field(default_factory=list)
    writes: int = 0

    def observe(self) -> Observation:
        """What a pass sees now."""
        return Observation(
            now=self.now,
            generation=self.generation,
            target=self.target,
            workloads=dict(self.workloads),
            gateways=tuple(self._gateway(name, split) for name, split in self.gateways.items()),
            url="http://gateway/ns/m",
            evidence=self._readings(),
            promote=self.promote,
        )

    def _readings(self) -> tuple[Reading, ...] | None:
        if not evidence.due(self.spec, self.status, self.now):
            return None
        if self.deaf:
            return ()
        return tuple(
            self.counters_of(name).reading(self.status.attempt) for name in self.gateways if name not in self.silent
        )

    def counters_of(self, name: str) -> GatewayCounters:
        """A gateway pod's counters."""
        return self.counters.setdefault(name, GatewayCounters(name))

    def let_users_ask(self) -> None:
        """Each gateway pod routes its requests; a revision without a ready pod fails all of its tries."""
        gone = {revision: 1.0 for revision, workload in self.workloads.items() if workload.ready == 0}
        for name, split in self.gateways.items():
            self.lost += self.counters_of(name).serve(split, self.requests, {**self.failing, **gone})

    def _gateway(self, name: str, split: TrafficSplit | None) -> GatewayPod:
        known = {backend.revision for backend in split.backends} if split else set()
        endpoints = {rev: workload.ready for rev, workload in self.workloads.items() if rev in known}
        return GatewayPod(name=name, number=split.number if split else None, endpoints=endpoints)

    def run_pass(self, *, killed_after: int | None = None) -> Decision:
        """One pass. `killed_after`: how many of its writes (actions, then status) happen before the controller dies."""
        decision = advance(self.spec, self.status, self.observe())
        for index, action in enumerate(decision.actions):
            if killed_after is not None and index >= killed_after:
                return decision
            self._obey(action)
        if killed_after is not None and killed_after <= len(decision.actions):
            return decision
        self.announcements += decision.announcements
        if decision.status != self.status:
            self.writes += 1
            self.status = decision.status
        self.check_invariants()
        return decision

    def _obey(self, action: Action) -> None:
        self.actions.append(action)
        match action:
            case CreateWorkload():
                self.workloads.setdefault(
                    action.revision,
                    Workload(
                        revision=action.revision,
                        version=action.version,
                        digest=action.digest,
                        replicas=action.replicas,
                        ready=0,
                    ),
                )
            case ScaleWorkload():
                self._change(action.revision, partial(replace, replicas=action.replicas))
            case MarkPromoted():
                self._change(action.revision, partial(replace, promoted_attempt=action.attempt))
            case ForgetPromotion():
                self._change(action.revision, partial(replace, promoted_attempt=None))
            case DeleteWorkload():
                self._check_may_leave(action.revision)
                self.workloads.pop(action.revision, None)

    def _change(self, revision: str, change: Callable[[Workload], Workload]) -> None:
        if revision in self.workloads:
            self.workloads[revision] = change(self.workloads[revision])

    def let_pods_start(self) -> None:
        """Every pod that can get ready is."""
        for revision, workload in self.workloads.items():
            ready = 0 if revision in self.broken else workload.replicas
            self.workloads[revision] = replace(workload, ready=ready)

    def let_gateways_apply(self) -> None:
        """Every gateway pod that is not silent activates the wish."""
        if self.status.traffic:
            for name in self.gateways.keys() - self.silent:
                self.gateways[name] = self.status.traffic.desired

    def tick(self, seconds: float = 1.0) -> Decision:
        """Time passes, pods start, gateways apply, then one pass."""
        self.now += timedelta(seconds=seconds)
        self.let_pods_start()
        self.let_gateways_apply()
        self.let_users_ask()
        return self.run_pass()

    def settle(self, seconds: float = 1.0) -> "RolloutWorld":
        """Tick until the engine waits for nothing, or nothing has changed for 30 passes."""
        unchanged = 0
        for _ in range(_PASSES):
            before = (self.status, dict(self.workloads))
            decision = self.tick(seconds)
            unchanged = unchanged + 1 if before == (self.status, self.workloads) else 0
            if unchanged > (30 if decision.look_again else 1):
                return self
        raise AssertionError(f"still moving after {_PASSES} passes: {self.status}")

    def want(self, version: str) -> "RolloutWorld":
        """The user moves the alias."""
        self.target = wanted(version)
        return self

    def check_invariants(self) -> None:
        """From outside, after every pass."""
        pointers = (self.status.stable, self.status.candidate, self.status.previous)
        named = {pointer.revision for pointer in pointers if pointer}
        for name, split in self.gateways.items():
            for backend in split.backends if split else ():
                if backend.weight:
                    assert backend.revision in named, f"{name} routes to {backend.revision}, named are {named}"
        desired = self.status.traffic.desired.backends if self.status.traffic else ()
        assert sum(backend.weight for backend in desired) in {0, 100}, desired
        assert len(self.status.history) <= self.spec.revision_history_limit

    def _check_may_leave(self, revision: str) -> None:
        for name, split in self.gateways.items():
            weights = {backend.revision: backend.weight for backend in split.backends} if split else {}
            assert not weights.get(revision), f"pods of {revision} leave while {name} sends to them"
