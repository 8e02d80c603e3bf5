"""The invariants of a rollout, looked at from outside after every pass: what is promised, not how it is done."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import ceil

from penstock_contracts.api import duration
from penstock_contracts.api.analysis import OnInconclusive
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import AttemptStage, Candidate, Completion, GateStatus, ModelDeploymentStatus, Phase
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.traffic import TrafficSplit
from penstock_controller.gates.catalogue import gates_of
from penstock_controller.gates.compatibility import interface_changes
from penstock_controller.gates.evidence import ComparedCards
from penstock_controller.gates.gate import Gate
from penstock_controller.gates.interface_change import ChangeEffect
from penstock_controller.rollout.decision import CallWebhook, Decision, RemoveAutoscaler, ScaleWorkload, StartJob
from penstock_controller.rollout.observation import Observation, Unresolved, Wanted, Workload

_CUT_SHORT = "its bake ended early"
"""What a record says that a person, or another version, did not let its bake end."""
_REFUSED = {Completion.ROLLED_BACK, Completion.ABORTED}


@dataclass(frozen=True, kw_only=True)
class Pass:
    """A pass that ended, and the world after it."""

    spec: ModelDeploymentSpec
    before: ModelDeploymentStatus
    observation: Observation
    decision: Decision
    splits: Mapping[str, TrafficSplit | None]
    """What each gateway pod does."""
    workloads: Mapping[str, Workload]
    lived: float
    """Seconds since the beginning, whatever clocks were set to."""

    @property
    def after(self) -> ModelDeploymentStatus:
        """The status that it wrote."""
        return self.decision.status

    @property
    def adopts(self) -> bool:
        """Whether the status had been lost."""
        return self.before.stable is None and self.before.candidate is None


@dataclass(frozen=True)
class _Failed:
    """A version that was rolled back, and the generation it failed under."""

    generation: int
    version: str
    created_at_ms: int
    revision: str


@dataclass
class Onlooker:
    """What an onlooker remembers between passes."""

    ended: Counter[int] = field(default_factory=Counter)
    """Terminal announcements by attempt, since the status was lost last."""
    failed: _Failed | None = None
    decided: int = 0
    """The generation under which it was decided that the version on trial is taken away; 0: that is not so."""
    tries: Counter[tuple[int, str]] = field(default_factory=Counter)
    """Tries at each revision by attempt, rescues aside: no gate can have seen more."""
    edges: set[tuple[Phase, Phase]] = field(default_factory=set)
    bake_began: float | None = None
    """By `Pass.lived`; None: there is no bake, or nobody saw it begin."""

    def branch(self) -> "Onlooker":
        """Another onlooker who remembers the same."""
        return replace(self, ended=self.ended.copy(), tries=self.tries.copy(), edges=set(self.edges))

    def status_was_lost(self) -> None:
        """Attempts may be counted again from there; nobody can remember who failed."""
        self.ended.clear()
        self.failed = None
        self.decided = 0
        self.bake_began = None

    def served(self, split: TrafficSplit | None, requests: int) -> None:
        """A gateway pod got requests."""
        if split is None:
            return
        for backend in split.backends:
            self.tries[split.attempt, backend.revision] += round(requests * backend.weight / 100)
        for match in split.match:
            self.tries[split.attempt, match.revision] += requests
        if split.mirror:
            self.tries[split.attempt, split.mirror.revision] += requests

    def replayed(self, attempt: int, revision: str, requests: int) -> None:
        """A revision was asked recorded requests."""
        self.tries[attempt, revision] += requests

    def passed(self, seen: Pass) -> None:
        """A pass has ended and written."""
        self.written(seen)
        _only_named_revisions_get_users(seen)
        _stable_keeps_its_pods(seen)
        _floors_hold_until_the_attempt_ends(seen)
        _who_has_an_autoscaler_is_not_scaled_by_us(seen)
        _a_share_rises_onto_ready_pods(seen)
        _nothing_is_promoted_without_evidence(seen)
        _applied_is_what_every_gateway_pod_does(seen)
        _who_does_not_promote_leaves_users_first(seen)
        _weights_add_up(seen)
        _what_became_of_a_word_is_told_while_it_stands(seen)
        _who_breaks_callers_never_gets_a_pod(seen)

    def written(self, seen: Pass) -> None:
        """A pass has written its status; what it wanted done may not have happened."""
        if seen.before.phase is not seen.after.phase:
            self.edges.add((seen.before.phase, seen.after.phase))
        self._each_attempt_ends_once(seen)
        self._who_failed_is_not_tried_again(seen)
        self._no_try_is_counted_twice(seen)
        self._no_clock_cuts_a_bake_short(seen)

    def leaves(self, revision: str, splits: Mapping[str, TrafficSplit | None]) -> None:
        """Pods leave: no gateway pod may send them anything."""
        for name, split in splits.items():
            assert revision not in getters(split), f"pods of {revision} leave while {name} sends to them"

    def _each_attempt_ends_once(self, seen: Pass) -> None:
        for told in seen.decision.announcements:
            if told.completion:
                self.ended[told.attempt] += 1
                assert self.ended[told.attempt] == 1, f"attempt {told.attempt} ends twice: {told}"
                assert seen.after.history[0].attempt == told.attempt, "an end without its record"
                assert seen.after.history[0].completion == told.completion
        numbers = [record.attempt for record in seen.after.history]
        assert len(set(numbers)) == len(numbers) <= seen.spec.revision_history_limit, numbers

    def _no_clock_cuts_a_bake_short(self, seen: Pass) -> None:
        before, after = seen.before.previous, seen.after.previous
        if before and not after and self.bake_began is not None:
            record = seen.after.history[0]
            promoted = (record.attempt, record.completion) == (before.attempt, Completion.PROMOTED)
            by_itself = promoted and _CUT_SHORT not in record.message
            baked, wished = seen.lived - self.bake_began, duration.seconds(seen.spec.bake.duration)
            assert not by_itself or baked >= wished - 0.01, f"baked for {baked:g} s of {wished:g}: {record.message}"
        if after is None:
            self.bake_began = None
        elif before is None or before.attempt != after.attempt:
            self.bake_began = seen.lived

    def _who_failed_is_not_tried_again(self, seen: Pass) -> None:
        target, generation = seen.observation.target, seen.observation.generation
        if isinstance(target, Unresolved):
            known = self.failed
        else:
            revision = target.revision if isinstance(target, Wanted) else ""
            same = _Failed(generation, target.version, target.created_at_ms, revision)
            known = self.failed if self.failed == same else None
        started = seen.after.candidate and seen.after.attempt != seen.before.attempt
        assert not (started and known and not _retried(seen)), f"{known} is tried again as attempt {seen.after.attempt}"
        self.failed = None if _retried(seen) else known
        self._note_when_it_is_decided(seen)
        ended = seen.after.history[:1]
        if ended and ended != seen.before.history[:1] and ended[0].completion in _REFUSED:
            before = seen.before.candidate or seen.before.previous
            assert before
            self.failed = _Failed(self.decided or generation, ended[0].version, before.created_at_ms, ended[0].revision)
        if seen.after.candidate is None:
            self.decided = 0

    def _note_when_it_is_decided(self, seen: Pass) -> None:
        """An edit after the decision, while the gateway is still taking the version away, allows another try."""
        going = seen.after.candidate
        if going is None or going.ending is None:
            return
        was_going = seen.before.candidate
        if was_going is None or was_going.ending is None:
            self.decided = seen.observation.generation

    def _no_try_is_counted_twice(self, seen: Pass) -> None:
        judged = seen.after.candidate or (seen.after.previous and seen.after.stable)
        for gate in seen.after.gates:
            most = self.tries[seen.after.attempt, judged.revision] if judged else 0
            assert gate.samples <= most, f"{gate.samples} of {most} tries that there were"


def _who_breaks_callers_never_gets_a_pod(seen: Pass) -> None:
    """Unless nothing needs to be proven, the spec has rules of its own for that, or a person goes back to it."""
    candidate, stable = seen.after.candidate, seen.after.stable
    if candidate is None or stable is None or seen.after.attempt == seen.before.attempt:
        return
    gates = seen.spec.analysis.gates
    asked = gates is None or (gates and all(gate.name != "preflight" for gate in gates))
    if not asked or seen.after.hold or candidate.digest == stable.digest:
        return
    (cards,) = (part for part in seen.observation.measured if isinstance(part, ComparedCards))
    assert cards.stable, "it begins before it was compared"
    broken = [each for each in interface_changes(cards.stable, cards.candidate) if each.effect is ChangeEffect.BREAKS]
    assert not broken, broken


def _retried(seen: Pass) -> bool:
    """Whether a person said that who failed is tried again."""
    heard = [told.message for told in seen.decision.announcements if told.reason == "CommandAccepted"]
    return any(message.startswith("retry ") for message in heard)


def getters(split: TrafficSplit | None) -> set[str]:
    """Who gets requests of any kind by a split."""
    if split is None:
        return set()
    mirrored = {split.mirror.revision} if split.mirror else set()
    return users_getters(split) | mirrored | ({split.rescue} if split.rescue else set())


def users_getters(split: TrafficSplit) -> set[str]:
    """Who gets users' requests at the first try."""
    weighted = {backend.revision for backend in split.backends if backend.weight}
    return weighted | {match.revision for match in split.match}


def _named(status: ModelDeploymentStatus) -> set[str]:
    return {pointer.revision for pointer in (status.stable, status.candidate, status.previous) if pointer}


def _what_became_of_a_word_is_told_while_it_stands(seen: Pass) -> None:
    handled, answers = seen.after.handled_commands, seen.after.command_results
    assert answers.keys() <= handled.keys(), f"{answers.keys()} are answered, {handled.keys()} were said"
    new = {verb for verb, word in handled.items() if seen.before.handled_commands.get(verb) != word}
    lost = seen.before.observed_generation <= 0
    assert lost or new <= answers.keys(), f"{new - answers.keys()} were dealt with, and nobody is told how"


def _only_named_revisions_get_users(seen: Pass) -> None:
    named = _named(seen.after)
    leaving = {item.revision for item in seen.after.retiring}
    forgotten = seen.after.traffic is None or seen.after.traffic.applied is None
    for name, split in seen.splits.items():
        if split is None or forgotten:
            # With the status lost, gateway pods do what they did until they have the first new wish.
            continue
        strangers = users_getters(split) - named
        assert not strangers, f"{name} routes to {strangers}, named are {named}"
        # What leaves still repeats failed tries until every gateway pod has the wish without it.
        assert split.rescue is None or split.rescue in named | leaving, f"{name} repeats on {split.rescue}"


def _stable_keeps_its_pods(seen: Pass) -> None:
    for pointer in (seen.after.stable, seen.after.previous):
        workload = seen.workloads.get(pointer.revision) if pointer else None
        if workload and seen.before.stable == seen.after.stable:
            assert workload.replicas >= _least(seen, workload), f"{pointer} is scaled down"


def _least(seen: Pass, workload: Workload) -> int:
    """An autoscaler brings its pods within new bounds only when it looks next."""
    return 1 if workload.autoscaler else seen.spec.predictor.min_replicas


def _floors_hold_until_the_attempt_ends(seen: Pass) -> None:
    """What stable, and in the bake previous, may not fall below is not lowered, unless the user allows no more."""
    most = seen.spec.predictor.max_replicas
    before, after = seen.before.min_pods or 0, seen.after.min_pods or 0
    if seen.after.candidate is None and seen.after.previous is None:
        assert not after, f"a floor of {after} with no attempt"
        return
    assert after >= min(before, most or before), f"the floor falls from {before} to {after}"
    if seen.before.stable != seen.after.stable:
        return  # the next pass looks after the one that it has become
    for pointer in (seen.after.stable, seen.after.previous):
        workload = seen.workloads.get(pointer.revision) if pointer else None
        if workload and workload.autoscaler and most:
            held = min(before, most)
            assert workload.autoscaler.bounds.floor >= held, f"{pointer} may fall below {held} pods"


def _who_has_an_autoscaler_is_not_scaled_by_us(seen: Pass) -> None:
    for action in seen.decision.actions:
        if isinstance(action, StartJob | CallWebhook):
            continue
        workload = seen.observation.workloads.get(action.revision)
        scaled = isinstance(action, ScaleWorkload) and workload is not None and workload.autoscaler is not None
        removed = RemoveAutoscaler(revision=action.revision) in seen.decision.actions
        assert not scaled or removed or (workload and workload.replicas == 0), f"{action} beside an autoscaler"


def _share(status: ModelDeploymentStatus, candidate: Candidate) -> tuple[int, int]:
    """What is asked for it: weight, and whether testers or copies reach it."""
    split = status.traffic.desired if status.traffic else None
    weights = {backend.revision: backend.weight for backend in split.backends} if split else {}
    return weights.get(candidate.revision, 0), int(candidate.revision in getters(split))


def _a_share_rises_onto_ready_pods(seen: Pass) -> None:
    candidate = seen.after.candidate
    if candidate is None or seen.after.stable is None or seen.before.stable is None:
        return
    before, now = _share(seen.before, candidate), _share(seen.after, candidate)
    if now <= before:
        return
    workload = seen.observation.workloads.get(candidate.revision)
    needed = max(1, ceil(seen.spec.predictor.min_replicas * now[0] / 100))
    assert workload, f"{now} asked for a candidate that has no Deployment"
    assert workload.ready >= needed, f"{now} asked for a candidate with {workload.ready} of {needed} pods"
    assert seen.before.traffic, "a share before an introduction"
    for pod in seen.observation.gateways:
        assert pod.number == seen.before.traffic.desired.number, f"{now} asked while {pod.name} is behind"
        assert pod.endpoints.get(candidate.revision, 0) >= needed, f"{now} asked, {pod.name} knows {pod.endpoints}"


def _gates(seen: Pass) -> Iterator[tuple[Gate, GateStatus | None]]:
    judged = {(gate.name, gate.config): gate for gate in seen.after.gates if gate.stage is AttemptStage.TRIAL}
    for gate in gates_of(seen.spec.analysis):
        yield gate, judged.get((gate.name, gate.config))


def _nothing_is_promoted_without_evidence(seen: Pass) -> None:
    if seen.after.previous and not seen.before.previous:
        assert seen.before.phase is Phase.PROMOTING, "promoted out of turn"
    begins = seen.after.phase is Phase.PROMOTING and seen.before.phase is not Phase.PROMOTING
    if not begins or seen.after.stable is None:
        return
    if seen.after.candidate and seen.after.candidate.promote_full:
        return
    for gate, judged in _gates(seen):
        if gate.dry_run:
            continue
        assert judged, f"promoted without a verdict of {gate.name}"
        if judged.reason == Reason.SAME_MODEL and seen.before.stable and seen.before.candidate:
            assert seen.before.stable.digest == seen.before.candidate.digest, "two models are taken for one"
            continue
        assert judged.samples >= max(1, gate.min_samples), f"promoted on {judged.samples} samples"
        rule = gate.on_inconclusive or seen.spec.analysis.on_inconclusive
        undecided = rule is OnInconclusive.PROMOTE and judged.verdict == "inconclusive"
        assert judged.verdict == "pass" or undecided, f"promoted though {judged.name} says {judged.verdict}"


def _applied_is_what_every_gateway_pod_does(seen: Pass) -> None:
    after, before = seen.after.traffic, seen.before.traffic
    if after is None or after.applied is None or (before and before.applied == after.applied):
        return
    assert seen.splits, "applied by nobody"
    for name, split in seen.splits.items():
        assert split == after.applied, f"{name} does {split}, said to be applied is {after.applied}"


def _who_does_not_promote_leaves_users_first(seen: Pass) -> None:
    """An attempt ends without a promotion only when no gateway pod sends its revision anything."""
    ended = seen.after.history[:1]
    if not ended or ended == seen.before.history[:1] or ended[0].completion is Completion.PROMOTED:
        return
    for name, split in seen.splits.items():
        forgotten = seen.after.traffic is None or seen.after.traffic.applied is None
        assert forgotten or ended[0].revision not in getters(split), f"{name} still sends to {ended[0].revision}"


def _weights_add_up(seen: Pass) -> None:
    desired = seen.after.traffic.desired if seen.after.traffic else None
    if desired is None:
        return
    known = {backend.revision for backend in desired.backends}
    assert sum(backend.weight for backend in desired.backends) == (100 if known else 0), desired
    assert getters(desired) <= known, f"sends to what is no backend: {desired}"
