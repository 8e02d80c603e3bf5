"""A world of values for the rollout engine: workloads, gateway pods and a clock, moved by hand. No I/O, no sleep.

It stands in for nothing that has a real part in component tests: it only says what a pass would see next, and obeys the
actions of a decision as the cluster would. `rollout_invariants` looks on from outside after every pass.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil

from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_contracts.model_card import ModelCard
from penstock_contracts.traffic import TrafficSplit
from penstock_contracts.verbs import Verb, word
from penstock_controller.gates.catalogue import GateCatalogue, gates_of
from penstock_controller.gates.evidence import ComparedCards, MissingEvidence
from penstock_controller.rollout import reading_times, write_back
from penstock_controller.rollout.decision import (
    Action,
    Announcement,
    CallWebhook,
    CreateWorkload,
    Decision,
    DeleteWorkload,
    ForgetPromotion,
    MarkPromoted,
    RemoveAutoscaler,
    ReplacePod,
    RestoreChild,
    RevisionAction,
    ScaleWorkload,
    SetAutoscaler,
    StartJob,
)
from penstock_controller.rollout.engine import advance
from penstock_controller.rollout.hold import held_version
from penstock_controller.rollout.monitor_answer import Monitoring
from penstock_controller.rollout.notification_view import NotificationView
from penstock_controller.rollout.observation import (
    Autoscaler,
    GatewayPod,
    Hindrance,
    Observation,
    Reading,
    RegistryVersion,
    RevisionPod,
    Target,
    Unresolved,
    Wanted,
    Workload,
)
from penstock_controller.rollout.traffic_capabilities import TrafficCapabilities
from penstock_testing.model_cards import a_card
from penstock_testing.rollout_counters import GatewayCounters, Loss
from penstock_testing.rollout_invariants import Onlooker, Pass
from penstock_testing.rollout_registry import RolloutRegistry
from penstock_testing.strategies import AT_ONCE

_PASSES = 300
_START = datetime(2026, 1, 1, tzinfo=UTC)
ABLE_TO_DO_ALL = TrafficCapabilities(mirror=True, stickiness=True, header_match=True, rescue=True, evidence=True)
"""What our own gateway can do."""


def wanted(version: str, *, digest: str = "", revision: str = "") -> Wanted:
    """Version N, with bytes and a revision of its own unless told otherwise."""
    return Wanted(
        version=version,
        created_at_ms=1000 + int(version),
        digest=digest or f"sha256:{version * 64}"[:71],
        revision=revision or f"rev{version}",
    )


def spec(**fields: object) -> ModelDeploymentSpec:
    """A spec that states only what matters; versions take over at once unless it says otherwise."""
    registry = {"registry": {"model": "m", "alias": "champion"}}
    return ModelDeploymentSpec.model_validate({**registry, **AT_ONCE, **fields})


def two_gateway_pods() -> dict[str, TrafficSplit | None]:
    """Gateway pods that know nothing yet."""
    return {"gw-0": None, "gw-1": None}


@dataclass
class RolloutWorld:
    """What the engine sees and changes."""

    spec: ModelDeploymentSpec = field(default_factory=spec)
    target: Target = field(default_factory=lambda: Unresolved(reason="AskingRegistry", message="asking the registry"))
    status: ModelDeploymentStatus = field(default_factory=ModelDeploymentStatus)
    workloads: dict[str, Workload] = field(default_factory=dict)
    gateways: dict[str, TrafficSplit | None] = field(default_factory=two_gateway_pods)
    capabilities: TrafficCapabilities = ABLE_TO_DO_ALL
    """What the traffic provider can do."""
    endpoints: dict[str, Mapping[str, int]] = field(default_factory=dict)
    """Gateway pod to what it knows of ready pods, by revision."""
    silent: set[str] = field(default_factory=set)
    """Gateway pods that apply nothing."""
    blind: set[str] = field(default_factory=set)
    """Gateway pods that do not learn which pods are ready."""
    broken: set[str] = field(default_factory=set)
    """Revisions of which no pod gets ready."""
    short: set[str] = field(default_factory=set)
    """Revisions of which one pod does not get ready."""
    deleted: set[str] = field(default_factory=set)
    """Revisions whose Deployment somebody deleted."""
    requests: int = 100
    """Requests that each gateway pod gets in a tick."""
    load: float = 0.0
    """Pods that all requests of users keep busy; an autoscaler sees it at its next look."""
    failing: dict[str, float] = field(default_factory=dict)
    """Revision to its share of failed tries."""
    sick: dict[str, float] = field(default_factory=dict)
    """Pod to its share of failed tries, where that is another one than its revision's."""
    started: int = 0
    """Pods that ever started."""
    latencies: dict[str, Sequence[int]] = field(default_factory=dict)
    """Revision to the buckets of latency that its tries take in turn."""
    refuses: frozenset[type[Action]] = frozenset()
    """Actions that the API server refuses."""
    hindrances: tuple[Hindrance, ...] = ()
    catalogue: GateCatalogue = gates_of
    """Which gates a spec names."""
    measured: Callable[[], tuple[object, ...]] = tuple
    """What each look finds of evidence beside the gateways' counters."""
    cards: dict[str, ModelCard] = field(default_factory=dict)
    """Digest to what the model store found of it; a card like all others, where it does not say."""
    not_measured: dict[type, MissingEvidence] = field(default_factory=dict)
    """What each look finds nothing of, and why."""
    deaf: bool = False
    """No gateway pod answers when its counters are asked for."""
    registry_problem: str = ""
    """Why the registry cannot be asked."""
    monitoring: Monitoring = field(default_factory=Monitoring)
    """What is known of live data."""
    notified: NotificationView = field(default_factory=NotificationView)
    """What became of notifications."""
    turn: str = ""
    """Why an attempt with other predictor pods must wait."""
    pods: str = "image1"
    """What the administrator wants of every predictor pod."""
    words: dict[Verb, str] = field(default_factory=dict)
    """What the user's annotations say."""
    revisions: dict[str, str] = field(default_factory=dict)
    """Digest to the revision that its bytes run as."""
    lost: int = 0
    """Requests that failed in users' eyes."""
    counters: dict[str, GatewayCounters] = field(default_factory=dict)
    registry: RolloutRegistry = field(default_factory=RolloutRegistry)
    now: datetime = _START
    skew: timedelta = timedelta()
    """By how much the clock has been set, all in all."""
    resumed: bool = False
    """A new controller has not ended a pass yet."""
    generation: int = 1
    actions: list[Action] = field(default_factory=list)
    announcements: list[Announcement] = field(default_factory=list)
    writes: int = 0
    watcher: Onlooker = field(default_factory=Onlooker)

    def observe(self) -> Observation:
        """What a pass sees now."""
        return Observation(
            now=self.now,
            resumed=self.resumed,
            generation=self.generation,
            target=self.wish(),
            named=self._named(),
            workloads=dict(self.workloads),
            gateways=tuple(self._gateway(name, split) for name, split in self.gateways.items()),
            capabilities=self.capabilities,
            url="http://gateway/ns/m",
            evidence=self._readings(),
            measured=(*self.measured(), *self._cards()),
            not_measured=self.not_measured,
            turn=self.turn,
            pods=self.pods,
            words=dict(self.words),
            hindrances=self.hindrances,
            registry_problem=self.registry_problem,
            registry_answers=self.registry.told(write_back.due(self.status)),
            monitoring=self.monitoring,
            notified=self.notified,
        )

    def _cards(self) -> tuple[ComparedCards, ...]:
        """What the model store found of the version that is wanted and of the one that serves."""
        wish, stable = self.wish(), self.status.stable
        if not isinstance(wish, Wanted) or ComparedCards in self.not_measured:
            return ()
        served = self._card(stable.digest) if stable else None
        return (ComparedCards(candidate=self._card(wish.digest), stable=served),)

    def _card(self, digest: str) -> ModelCard:
        return evolve(self.cards.get(digest, a_card()), digest=digest)

    def _named(self) -> RegistryVersion | None:
        """What the registry says that the resource names."""
        target = self.target
        if isinstance(target, Unresolved):
            return None
        return RegistryVersion(version=target.version, created_at_ms=target.created_at_ms)

    def wish(self) -> Target:
        """What is wanted: what the alias names, or what is held."""
        if isinstance(self.target, Wanted):
            self.revisions[self.target.digest] = self.target.revision
        hold = self.status.hold
        held = held_version(hold, self._named(), self.generation)
        if hold is None or held is None:
            return self.target
        return Wanted(
            version=held.version,
            created_at_ms=held.created_at_ms,
            digest=hold.digest,
            revision=self.revisions[hold.digest],
        )

    def say(self, verb: Verb, version: str = "") -> "RolloutWorld":
        """The user annotates the resource, for the place where it stands."""
        step = self.status.candidate.step if self.status.candidate else 0
        self.words[verb] = word(self.status.attempt, step, version)
        return self

    def _readings(self) -> tuple[Reading, ...] | None:
        if not reading_times.due(self.spec, self.status, self.now):
            return None
        if self.deaf:
            return ()
        return tuple(
            self.counters_of(name).reading(self.status.attempt, self.latencies)
            for name in self.gateways
            if name not in self.silent
        )

    def counters_of(self, name: str) -> GatewayCounters:
        """A gateway pod's counters."""
        return self.counters.setdefault(name, GatewayCounters(name))

    def let_users_ask(self) -> None:
        """Each gateway pod routes its requests; who has no ready pod that it knows fails all of its tries."""
        for name, split in self.gateways.items():
            known = self.endpoints.get(name, {})
            rates = {
                revision: self.failing.get(revision, 0.0)
                for revision, workload in self.workloads.items()
                if workload.ready and known.get(revision)
            }
            counters = self.counters_of(name)
            self.watcher.served(split, self.requests)
            for loss in counters.serve(split, self.requests, rates, self._pods_of(rates)):
                self._lose(name, loss)

    def _pods_of(self, rates: Mapping[str, float]) -> Mapping[str, Mapping[str, float]]:
        """The addresses of each revision's pods, and what share of the tries there fails."""
        return {
            revision: {pod.addresses[0]: self.sick.get(pod.name, share) for pod in self.workloads[revision].pods}
            for revision, share in rates.items()
        }

    def _lose(self, gateway: str, loss: Loss) -> None:
        self.lost += loss.requests
        if gateway in self.blind:
            return
        well = [revision for revision in loss.tried if not self._unwell(revision)]
        assert not well, f"{gateway} lost {loss.requests} requests, tried at {loss.tried}, though {well} are well"
        first = self.status.stable is None
        stable = {pointer.revision for pointer in (self.status.stable, self.status.previous) if pointer}
        alone = len(loss.tried) == 1 and loss.tried[0] not in stable and not first
        assert not alone, f"{gateway} lost {loss.requests} requests on {loss.tried} alone, stable are {stable}"

    def _unwell(self, revision: str) -> bool:
        """Whether something that is no doing of the controller ails it."""
        workload = self.workloads.get(revision)
        ill = workload is not None and any(self.sick.get(pod.name) for pod in workload.pods)
        return ill or revision in self.broken | self.deleted or self.failing.get(revision, 0.0) > 0

    def _gateway(self, name: str, split: TrafficSplit | None) -> GatewayPod:
        number = split.number if split else None
        return GatewayPod(name=name, number=number, endpoints=self.endpoints.get(name, {}))

    def run_pass(self, *, killed_after: int | None = None, overtaken: bool = False) -> Decision:
        """One pass. `killed_after`: how many of its writes (status, then actions) happen before the controller dies.

        `overtaken`: somebody else wrote meanwhile, so its status is not taken: a conflict, which ends the pass.
        """
        observation = self.observe()
        decision = advance(self.spec, self.status, observation, self.catalogue)
        if overtaken:
            return decision
        self.resumed = killed_after is not None
        if killed_after == 0:
            return decision
        self.announcements += decision.announcements
        before, self.status = self.status, decision.status
        written = before != self.status
        self.writes += written
        left = None if killed_after is None else max(0, killed_after - written)
        for action in decision.actions[:left]:
            if isinstance(action, StartJob | CallWebhook):
                continue  # of no concern to a rollout
            if not self._refused(action):
                self._obey(action)
        seen = Pass(
            spec=self.spec,
            before=before,
            observation=observation,
            decision=decision,
            splits=dict(self.gateways),
            workloads=dict(self.workloads),
            lived=(self.now - _START - self.skew).total_seconds(),
        )
        if left is None:
            self.watcher.passed(seen)
        else:
            self.watcher.written(seen)
        return decision

    def _refused(self, action: RevisionAction) -> bool:
        """Whether the API server refuses it; the next pass is told."""
        refused = Hindrance(revision=action.revision, reason="Refused", message=f"{type(action).__name__}: quota")
        known = [item for item in self.hindrances if item != refused]
        is_refused = type(action) in self.refuses
        self.hindrances = (*known, refused) if is_refused else tuple(known)
        return is_refused

    def _obey(self, action: RevisionAction) -> None:
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
                self.change(action.revision, partial(replace, replicas=action.replicas))
            case SetAutoscaler():
                found = self.workloads.get(action.revision)
                before = found.autoscaler if found else None
                scaler = Autoscaler(bounds=action.bounds, utilization=before.utilization if before else None)
                self.change(action.revision, partial(replace, autoscaler=scaler))
            case RemoveAutoscaler():
                self.change(action.revision, partial(replace, autoscaler=None))
            case ReplacePod():
                self.change(action.revision, partial(_without_pod, uid=action.uid))
            case RestoreChild():
                workload = self.workloads.get(action.revision)
                left = tuple(item for item in workload.differences if item.kind != action.kind) if workload else ()
                self.change(action.revision, partial(replace, differences=left))
            case MarkPromoted():
                self.change(action.revision, partial(replace, promoted_attempt=action.attempt))
            case ForgetPromotion():
                self.change(action.revision, partial(replace, promoted_attempt=None))
            case DeleteWorkload():
                self.watcher.leaves(action.revision, self.gateways)
                self.workloads.pop(action.revision, None)

    def change(self, revision: str, change: Callable[[Workload], Workload]) -> None:
        """Change a workload, if it is there."""
        if revision in self.workloads:
            self.workloads[revision] = change(self.workloads[revision])

    def let_pods_start(self) -> None:
        """Every pod that can get ready is."""
        for revision, workload in self.workloads.items():
            missing = revision in self.short and workload.replicas > 1
            able = 0 if revision in self.broken else workload.replicas - missing
            if workload.ready != able:
                since = (*workload.ready_since, *[self.now] * able)[:able]
                pods = (*workload.pods, *(self._new_pod(revision) for _ in range(able - len(workload.pods))))[:able]
                self.workloads[revision] = replace(workload, ready=able, ready_since=since, pods=pods)
            if able:
                self.deleted.discard(revision)

    def _new_pod(self, revision: str) -> RevisionPod:
        self.started += 1
        name, address = f"{revision}-{self.started}", f"10.0.{self.started // 250}.{self.started % 250 + 1}"
        return RevisionPod(name=name, uid=f"uid-{name}", addresses=(address,))

    def let_autoscalers_look(self) -> None:
        """Each sees what its pods were busy with, and chooses their number within its bounds at once."""
        for revision, workload in self.workloads.items():
            scaler = workload.autoscaler
            if scaler is None or workload.replicas == 0:
                continue
            busy = self.load * self._share_of(revision)
            seen = round(scaler.bounds.target * busy / workload.ready) if workload.ready else None
            chosen = min(max(ceil(busy), scaler.bounds.floor), scaler.bounds.ceiling)
            looked = replace(scaler, utilization=seen)
            self.workloads[revision] = replace(workload, replicas=chosen, autoscaler=looked)

    def _share_of(self, revision: str) -> float:
        """Of users' requests, over all gateway pods."""
        weights = [
            backend.weight / 100
            for split in self.gateways.values()
            for backend in (split.backends if split else ())
            if backend.revision == revision
        ]
        return sum(weights) / max(1, len(self.gateways))

    def let_gateways_apply(self) -> None:
        """Every gateway pod that is not silent activates the wish, and who is not blind learns which pods are ready."""
        for name, active in self.gateways.items():
            wish = self.status.traffic.desired if self.status.traffic else None
            split = self.gateways[name] = active if name in self.silent else wish or active
            known = {backend.revision for backend in split.backends} if split else set()
            if name not in self.blind:
                self.endpoints[name] = {rev: one.ready for rev, one in self.workloads.items() if rev in known}

    def let_time_pass(self, seconds: float) -> None:
        """Pods start, gateways apply, users ask."""
        self.now += timedelta(seconds=seconds)
        self.let_autoscalers_look()
        self.let_pods_start()
        self.let_gateways_apply()
        self.let_users_ask()

    def tick(self, seconds: float = 1.0) -> Decision:
        """Time passes, then one pass."""
        self.let_time_pass(seconds)
        return self.run_pass()

    def settle(self, seconds: float = 1.0) -> "RolloutWorld":
        """Tick until the engine waits for nothing, or nothing has changed for 30 passes."""
        unchanged = 0
        for _ in range(_PASSES):
            before = (self.status, dict(self.workloads))
            decision = self.tick(seconds)
            unchanged = unchanged + 1 if before == (self.status, self.workloads) else 0
            if unchanged > (30 if decision.requeue_after else 1):
                return self
        raise AssertionError(f"still moving after {_PASSES} passes: {self.status}")

    def branch(self) -> "RolloutWorld":
        """Another world that begins as this one is now."""
        return replace(
            self,
            workloads=dict(self.workloads),
            gateways=dict(self.gateways),
            endpoints=dict(self.endpoints),
            silent=set(self.silent),
            blind=set(self.blind),
            broken=set(self.broken),
            short=set(self.short),
            deleted=set(self.deleted),
            failing=dict(self.failing),
            sick=dict(self.sick),
            words=dict(self.words),
            revisions=dict(self.revisions),
            cards=dict(self.cards),
            counters={name: counters.branch() for name, counters in self.counters.items()},
            registry=self.registry.branch(),
            actions=[],
            announcements=[],
            watcher=self.watcher.branch(),
        )

    def want(self, version: str) -> "RolloutWorld":
        """The user moves the alias."""
        self.target = wanted(version)
        return self

    def edit(self, changed: ModelDeploymentSpec) -> "RolloutWorld":
        """The user edits the resource."""
        self.spec = changed
        self.generation += 1
        return self

    def delete_workload(self, revision: str) -> None:
        """Somebody deletes a revision's Deployment."""
        if self.workloads.pop(revision, None):
            self.deleted.add(revision)

    def lose_status(self) -> None:
        """A backup of the cluster is restored: statuses are gone."""
        self.status = ModelDeploymentStatus(observed_generation=-1)  # as the API server fills it in
        self.watcher.status_was_lost()


def _without_pod(workload: Workload, uid: str) -> Workload:
    """As after a pod has left."""
    left = tuple(pod for pod in workload.pods if pod.uid != uid)
    return replace(workload, pods=left, ready=len(left))
