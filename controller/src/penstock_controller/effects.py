"""Does what passes decide: each action by itself and by the port of its family. One that is refused holds up no other.

What is remembered of them is for waiting only. A process that begins anew asks for everything once.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

from penstock_contracts.api.reasons import Reason
from penstock_controller import backoff
from penstock_controller.errors import ClusterAway, PenstockError, Rejected, WriteConflict
from penstock_controller.ports import Autoscalers, ModelDeployment, ResourceKey, Trainings, Workloads
from penstock_controller.rollout.decision import (
    Action,
    CallWebhook,
    CreateWorkload,
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
from penstock_controller.rollout.observation import Hindrance
from penstock_controller.telemetry import ControllerTelemetry

_log = logging.getLogger(__name__)
_LONGEST_REFUSED = 15.0
"""Seconds: whoever gives way, a quota or a policy, is noticed soon."""
_LONGEST_CONTESTED = 60.0
_OFTEN = 4
"""So many times the same within `_QUIET`, and somebody is writing against us."""
_TOLD = 90.0
"""Seconds for which it is told after the last time: longer than any back-off."""
_SEEN = 1.0
"""Seconds after which what was done is looked at."""
_QUIET = 300.0
"""Seconds after which what was done is done, whatever happens then."""


@dataclass(frozen=True, kw_only=True)
class Executors:
    """Who does what: a port for each family of actions."""

    workloads: Workloads
    autoscalers: Autoscalers
    trainings: Trainings


@dataclass
class _ActionHistory:
    """What became of one action."""

    failures: int = 0
    times: int = 0
    """It was done, without a quiet time between."""
    last: float = 0.0
    due: float = 0.0
    why: str = ""
    hindrance: Hindrance | None = None


@dataclass
class _ResourceEffects:
    actions: dict[RevisionAction, _ActionHistory] = field(default_factory=dict)
    hindrances: tuple[Hindrance, ...] = ()


class Effects:
    """Executes actions, backs off from those that are refused or do not last, and knows what to tell of them."""

    def __init__(self, executors: Executors, telemetry: ControllerTelemetry, clock: Callable[[], float]) -> None:
        """`clock`: seconds, monotonic."""
        self._executors = executors
        self._telemetry = telemetry
        self._clock = clock
        self._known: dict[ResourceKey, _ResourceEffects] = {}

    def hindrances(self, key: ResourceKey) -> tuple[Hindrance, ...]:
        """What the last pass wanted done and is not done, or does not last."""
        known = self._known.get(key)
        return known.hindrances if known else ()

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone."""
        self._known.pop(key, None)

    async def execute(self, resource: ModelDeployment, actions: Sequence[Action]) -> float | None:
        """Do what is due. Answers the seconds until there is more to do or to tell; None: nothing of that."""
        known = self._known.setdefault(resource.key, _ResourceEffects())
        before = known.hindrances
        dues = await self._execute_all(resource, known, actions)
        self._drop(known, actions)
        found = (self._hindrance(action, memory) for action, memory in known.actions.items())
        known.hindrances = tuple(hindrance for hindrance in found if hindrance)
        if not known.actions:
            self._known.pop(resource.key, None)
        if known.hindrances != before:
            return 0.0
        now = self._clock()
        wanted = [memory for action, memory in known.actions.items() if action in actions]
        return min((*dues, *(max(memory.due - now, _SEEN) for memory in wanted)), default=None)

    async def _execute_all(
        self, resource: ModelDeployment, known: _ResourceEffects, actions: Sequence[Action]
    ) -> list[float]:
        """Have each family's port do its actions. Answers the seconds after which trainings are to be looked at."""
        dues: list[float] = []
        answers = True
        for action in actions:
            match action:
                case (
                    CreateWorkload()
                    | ScaleWorkload()
                    | ReplacePod()
                    | RestoreChild()
                    | MarkPromoted()
                    | ForgetPromotion()
                    | DeleteWorkload()
                ):
                    do = partial(self._executors.workloads.execute, resource, action)
                    answers = answers and await self._try(resource, known, action, do)
                case SetAutoscaler() | RemoveAutoscaler():
                    do = partial(self._executors.autoscalers.execute, resource, action)
                    answers = answers and await self._try(resource, known, action, do)
                case StartJob() | CallWebhook():
                    # It backs off by itself, and what became of it is told elsewhere.
                    due = await self._executors.trainings.execute(resource, action)
                    dues += [] if due is None else [due]
                case never:
                    assert_never(never)
        return dues

    async def _try(
        self,
        resource: ModelDeployment,
        known: _ResourceEffects,
        action: RevisionAction,
        do: Callable[[], Awaitable[None]],
    ) -> bool:
        """Do one action, if it is due; False: the API server does not answer, and the next pass asks for the others."""
        memory = known.actions.setdefault(action, _ActionHistory())
        memory.why = _why(action) or memory.why
        return memory.due > self._clock() or await self._do(resource, action, memory, do)

    async def _do(
        self,
        resource: ModelDeployment,
        action: RevisionAction,
        memory: _ActionHistory,
        do: Callable[[], Awaitable[None]],
    ) -> bool:
        try:
            await do()
        except Rejected as refusal:
            self._failed(resource, action, memory, refusal, refusal.reason)
        except WriteConflict as conflict:
            self._failed(resource, action, memory, conflict, Reason.CHANGED)
        except ClusterAway as away:
            self._failed(resource, action, memory, away, Reason.NOT_ANSWERED)
            return False
        else:
            self._done(resource, action, memory)
        return True

    def _failed(
        self,
        resource: ModelDeployment,
        action: RevisionAction,
        memory: _ActionHistory,
        error: PenstockError,
        reason: str,
    ) -> None:
        memory.failures += 1
        wait = backoff.delay(memory.failures, longest=_LONGEST_REFUSED)
        memory.due = self._clock() + wait
        self._telemetry.action_failed(resource.key, reason)
        where = {"key": str(resource.key), "action": type(action).__name__, "revision": action.revision}
        told = {"reason": reason, "detail": str(error), "again_in_seconds": wait}
        _log.warning("action failed", extra={**where, **told})
        if reason != Reason.CHANGED or memory.failures > 1:
            message = str(error)
            memory.hindrance = Hindrance(revision=action.revision, reason=reason, message=message)

    def _done(self, resource: ModelDeployment, action: RevisionAction, memory: _ActionHistory) -> None:
        now = self._clock()
        memory.times = memory.times + 1 if now - memory.last < _QUIET else 1
        memory.failures, memory.last, memory.hindrance = 0, now, None
        against = memory.times - _OFTEN
        memory.due = now + (backoff.delay(against + 1, longest=_LONGEST_CONTESTED) if against >= 0 else 0.0)
        where = {"key": str(resource.key), "revision": action.revision, "action": type(action).__name__}
        if isinstance(action, RestoreChild):
            _log.warning("object put back", extra={**where, "kind": action.kind.value, "detail": action.why})
        else:
            _log.info("action done", extra=where)

    def _hindrance(self, action: RevisionAction, memory: _ActionHistory) -> Hindrance | None:
        """What is to be told of an action: it was refused, or it is done again and again."""
        if memory.hindrance or memory.times < _OFTEN or self._clock() - memory.last > _TOLD:
            return memory.hindrance
        message = f"{_what(action)} is done again and again and does not last{memory.why}"
        return Hindrance(revision=action.revision, reason=Reason.CONTESTED, message=message)

    def _drop(self, known: _ResourceEffects, wanted: Sequence[Action]) -> None:
        """What is not wanted any more was not refused for good; what was done is kept for a while."""
        quiet = self._clock() - _QUIET
        unwanted = {action: memory for action, memory in known.actions.items() if action not in wanted}
        for action, memory in unwanted.items():
            memory.hindrance, memory.failures = None, 0
            if not memory.times or memory.last < quiet:
                del known.actions[action]


def _what(action: RevisionAction) -> str:
    if isinstance(action, RestoreChild):
        return f"putting back the {action.kind} of revision {action.revision}"
    return f"{type(action).__name__} of revision {action.revision}"


def _why(action: RevisionAction) -> str:
    return f": {action.why}" if isinstance(action, RestoreChild) and action.why else ""
