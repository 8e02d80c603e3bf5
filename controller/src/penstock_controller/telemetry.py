"""The controller's own metrics."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from penstock_contracts import metric_names
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Completion, ModelDeploymentStatus, Phase
from penstock_contracts.build import build_labels
from penstock_controller.ports import ResourceKey
from penstock_controller.resource_series import ResourceSeries
from penstock_controller.rollout.decision import Announcement
from penstock_controller.rollout.notification_view import NotificationDelivery
from penstock_controller.rollout.registry_entry import Writing


def _counter(metric: metric_names.Metric, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name.removesuffix("_total"), metric.meaning, metric.labels, registry=registry)


def _gauge(metric: metric_names.Metric, registry: CollectorRegistry) -> Gauge:
    return Gauge(metric.name, metric.meaning, metric.labels, registry=registry)


ENDS = (
    (Completion.PROMOTED.value, Reason.PROMOTED),
    (Completion.ROLLED_BACK.value, Reason.GATE_FAILED),
    (Completion.ROLLED_BACK.value, Reason.PODS_KEEP_FAILING),
    (Completion.ROLLED_BACK.value, Reason.CANDIDATE_UNAVAILABLE),
    (Completion.ROLLED_BACK.value, Reason.PROGRESS_DEADLINE_EXCEEDED),
    (Completion.ROLLED_BACK.value, Reason.INCONCLUSIVE),
    (Completion.REFUSED.value, Reason.PREFLIGHT_FAILED),
    (Completion.ABORTED.value, Reason.ABORTED),
    (Completion.ABORTED.value, Reason.UNDONE),
    (Completion.SUPERSEDED.value, Reason.SUPERSEDED),
)
"""How an attempt may end: completion and reason."""
_TRAINING_REASONS = (
    Reason.RUNNING,
    Reason.SUCCEEDED,
    Reason.NOTHING_REGISTERED,
    Reason.JOB_FAILED,
    Reason.TIMED_OUT,
    Reason.JOB_REFUSED,
    Reason.JOB_GONE,
    Reason.WEBHOOK_REFUSED,
    Reason.WEBHOOK_UNREACHABLE,
    Reason.PIPELINE_FAILED,
    Reason.BUDGET_SPENT,
    Reason.REFUSED_FOR_THIS_DRIFT,
    Reason.FLAPPING,
)
"""Those that alerts ask for: increase() sees nothing of a series that begins at 1."""


_TRANSITIONS = (
    Reason.ROLLOUT_STARTED,
    Reason.STEP_DONE,
    Reason.PAUSED,
    Reason.RESUMED,
    Reason.PROMOTING,
    Reason.BAKING,
    Reason.ROLLING_BACK,
    Reason.SICK_POD,
)
"""What an attempt comes through before its end."""
_ACTION_FAILURES = (Reason.REFUSED, Reason.FOREIGN_OBJECT, Reason.BEING_DELETED, Reason.CHANGED, Reason.NOT_ANSWERED)
"""Reasons, as metric_names describes them."""


class ControllerTelemetry:
    """Counts passes, attempts and what did not answer, and shows how resources stand."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._passes = _counter(metric_names.CONTROLLER_PASSES, registry)
        self._attempts = _counter(metric_names.CONTROLLER_ATTEMPTS, registry)
        self._transitions = _counter(metric_names.CONTROLLER_TRANSITIONS, registry)
        self._registry_errors = _counter(metric_names.CONTROLLER_REGISTRY_ERRORS, registry)
        self._registry_writes = _counter(metric_names.CONTROLLER_REGISTRY_WRITES, registry)
        self._retraining = _counter(metric_names.CONTROLLER_RETRAINING, registry)
        self._action_failures = _counter(metric_names.CONTROLLER_ACTION_FAILURES, registry)
        self._refusals = _counter(metric_names.CONTROLLER_REFUSALS, registry)
        self._notifications = _counter(metric_names.CONTROLLER_NOTIFICATIONS, registry)
        self._evidence_failures = _counter(metric_names.CONTROLLER_EVIDENCE_FAILURES, registry)
        self._reachable = _gauge(metric_names.CONTROLLER_REGISTRY_REACHABLE, registry)
        self._queue = _gauge(metric_names.CONTROLLER_QUEUE, registry)
        self._elsewhere = _gauge(metric_names.CONTROLLER_NAMESPACES_ELSEWHERE, registry)
        self._resources = _gauge(metric_names.CONTROLLER_RESOURCES, registry)
        _gauge(metric_names.BUILD_INFO, registry).labels(*build_labels("controller")).set(1)
        self._shown = ResourceSeries()
        registry.register(self._shown)
        # From 0: increase() sees nothing of a series that begins at 1.
        for outcome in ("written", "unchanged", "conflict", "error"):
            self._passes.labels(outcome)
        for writing in Writing:
            self._registry_writes.labels(writing.value)
        for phase in Phase:
            self._resources.labels(phase.value).set(0)
        self._phases: dict[ResourceKey, Phase] = {}
        self._begun: set[ResourceKey] = set()
        self._trained: set[ResourceKey] = set()
        self._counted: dict[ResourceKey, set[tuple[Counter, tuple[str, ...]]]] = {}
        """The counters that each resource has, with their labels after namespace and name."""
        seconds = metric_names.CONTROLLER_PASS_SECONDS
        self.pass_seconds = Histogram(seconds.name, seconds.meaning, registry=registry)

    def passed(self, *, written: bool) -> None:
        """A pass came to its end."""
        self._passes.labels("written" if written else "unchanged").inc()

    def broken_off(self, outcome: str) -> None:
        """A pass did not: conflict or error."""
        self._passes.labels(outcome).inc()

    def announced(self, key: ResourceKey, announcement: Announcement) -> None:
        """Users were told of a transition, and it is counted."""
        if announcement.of_retraining:
            self._of(key, self._retraining, announcement.reason).inc()
        if announcement.reason in _TRANSITIONS:
            self._of(key, self._transitions, announcement.reason).inc()
        if announcement.refusal:
            self._of(key, self._refusals).inc()
        if announcement.reason == Reason.NOTIFICATION_FAILED:
            self.notified(key, NotificationDelivery.FAILED.value)
        if announcement.completion:
            self._of(key, self._attempts, announcement.completion, announcement.reason).inc()

    def notified(self, key: ResourceKey, outcome: str) -> None:
        """A try to tell a receiver: delivered or away; failed: it is given up."""
        self._of(key, self._notifications, outcome).inc()

    def _of(self, key: ResourceKey, counter: Counter, *labels: str) -> Counter:
        self._counted.setdefault(key, set()).add((counter, labels))
        return counter.labels(key.namespace, key.name, *labels)

    def trains(self, key: ResourceKey) -> None:
        """A resource may start trainings: its series begin at 0, before the first is told of."""
        if key not in self._trained:
            self._trained.add(key)
            for reason in _TRAINING_REASONS:
                self._of(key, self._retraining, reason)

    def begins(self, key: ResourceKey, *, generation: int, observed: int) -> None:
        """A pass over a resource begins: its spec is of one generation, its status speaks of another.

        Series begin at 0 here, before anything can be counted: increase() sees nothing of one that begins at 1.
        """
        self._shown.begin(key, generation=generation, observed=observed)
        if key in self._begun:
            return
        self._begun.add(key)
        self._of(key, self._refusals)
        for delivery in NotificationDelivery:
            self._of(key, self._notifications, delivery.value)
        for end in ENDS:
            self._of(key, self._attempts, *end)
        for reason in _TRANSITIONS:
            self._of(key, self._transitions, reason)
        for reason in _ACTION_FAILURES:
            self._of(key, self._action_failures, reason)

    def stands(self, key: ResourceKey, status: ModelDeploymentStatus) -> None:
        """A pass left a resource with this status."""
        self._leaves_phase(key)
        self._phases[key] = status.phase
        self._resources.labels(status.phase.value).inc()
        self._shown.show(key, status)

    def troubled(self, key: ResourceKey, reason: str) -> None:
        """Status tells that passes over a resource fail."""
        self._shown.trouble(key, reason)

    def forgotten(self, key: ResourceKey) -> None:
        """The resource is gone, and its series with it: names would gather for ever."""
        self._leaves_phase(key)
        self._shown.forget(key)
        self._begun.discard(key)
        self._trained.discard(key)
        for counter, labels in self._counted.pop(key, ()):
            counter.remove(key.namespace, key.name, *labels)

    def _leaves_phase(self, key: ResourceKey) -> None:
        if before := self._phases.pop(key, None):
            self._resources.labels(before.value).dec()

    def has_connections(self, names: Iterable[str]) -> None:
        """The registries that look-ups go to."""
        for name in names:
            self._registry_errors.labels(name)

    def namespaces_elsewhere(self, number: int) -> None:
        """So many namespaces are left to other releases."""
        self._elsewhere.set(number)

    def queue_is(self, waiting: Callable[[], int]) -> None:
        """How many keys wait is asked for whenever the metrics are read, from another thread."""
        self._queue.set_function(waiting)

    def registry_failed(self, connection: str) -> None:
        """A registry call failed."""
        self._registry_errors.labels(connection).inc()

    def registry_answers(self, connection: str, *, yes: bool) -> None:
        """Whether a look-up was answered, be it that there is no such version."""
        self._reachable.labels(connection).set(yes)

    def action_failed(self, key: ResourceKey, reason: str) -> None:
        """Something was to be done with an object of a resource, and was not."""
        self._of(key, self._action_failures, reason).inc()

    def evidence_missed(self) -> None:
        """A gateway pod did not say what it had counted."""
        self._evidence_failures.inc()

    def registry_written(self, outcome: str) -> None:
        """A try to write an outcome or the live alias: written, away, refused or impossible."""
        self._registry_writes.labels(outcome).inc()
