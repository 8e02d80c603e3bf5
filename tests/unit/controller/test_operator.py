"""What becomes of a key after its pass."""

import asyncio
from typing import TYPE_CHECKING, cast

from prometheus_client import CollectorRegistry

from penstock_controller.errors import ClusterAway, Invalid, WriteConflict
from penstock_controller.operator import Operator
from penstock_controller.ports import ResourceKey
from penstock_controller.roll import Roll
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.turns import Turns
from penstock_controller.work_queue import WorkQueue

if TYPE_CHECKING:
    from penstock_controller.ports import ModelDeployments

A = ResourceKey("ns", "a")
PASSES = 50


class Answers:
    """A reconciler that answers what it was given, one pass after another, and then that the resource is gone."""

    def __init__(self, *answers: float | Exception) -> None:
        self.answers = list(answers)
        self.passes = 0
        self.told: list[str] = []

    async def reconcile(self, key: ResourceKey) -> float | None:
        assert key == A
        self.passes += 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def tell(self, key: ResourceKey, error: Exception) -> None:
        self.told.append(str(error))
        if str(error) == "cannot be told":
            raise ClusterAway("the API server")


class Skipping:
    """A clock on which whatever is due later is due at the next look."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 3600.0
        return self.now


async def worked(answers: Answers) -> int:
    """How many passes there were, of at most PASSES."""
    queue = WorkQueue(Skipping())
    operator = Operator(
        queue,
        answers,
        ControllerTelemetry(CollectorRegistry()),
        call_roll=Roll(cast("ModelDeployments", None), Turns(1, queue.add).expect).call,
        workers=1,
    )
    running = asyncio.ensure_future(operator.run())
    queue.add(A)
    for _ in range(40 * PASSES):
        await asyncio.sleep(0)
        if answers.passes >= PASSES:
            break
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return answers.passes


async def test_a_resource_that_is_gone_is_not_looked_at_again() -> None:
    assert await worked(Answers()) == 1


async def test_a_key_comes_back_when_its_next_pass_is_due_and_after_every_error() -> None:
    assert await worked(Answers(5.0, WriteConflict("changed"), ClusterAway("away"), RuntimeError("a bug"))) == 5


async def test_status_tells_of_passes_that_go_on_failing_and_of_a_resource_that_cannot_be_parsed_at_once() -> None:
    bug = Answers(*[RuntimeError("a bug")] * 4, 1.0, RuntimeError("another"))
    assert await worked(bug) == 7
    assert bug.told == ["a bug"] * 2
    invalid = Answers(Invalid("spec.registry.model: field required"))
    await worked(invalid)
    assert invalid.told == ["spec.registry.model: field required"]


async def test_the_api_server_that_is_away_for_a_moment_is_no_trouble_of_the_resource() -> None:
    away = Answers(*[ClusterAway("HTTP 503")] * 9)
    await worked(away)
    assert away.told == []


async def test_what_cannot_be_told_stops_nothing() -> None:
    mute = Answers(*[RuntimeError("cannot be told")] * 5)
    assert await worked(mute) == 6
    assert mute.told == ["cannot be told"] * 3
