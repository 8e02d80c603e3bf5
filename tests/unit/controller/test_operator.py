"""What becomes of a key after its pass."""

import asyncio

from prometheus_client import CollectorRegistry

from penstock_controller.errors import ClusterAway, Conflict
from penstock_controller.operator import Operator
from penstock_controller.ports import Key
from penstock_controller.telemetry import Telemetry
from penstock_controller.work_queue import WorkQueue

A = Key("ns", "a")
PASSES = 50


class Answers:
    """A reconciler that answers what it was given, one pass after another, and then that the resource is gone."""

    def __init__(self, *answers: float | Exception) -> None:
        self.answers = list(answers)
        self.passes = 0

    async def reconcile(self, key: Key) -> float | None:
        assert key == A
        self.passes += 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


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
        Telemetry(CollectorRegistry()),
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
    assert await worked(Answers(5.0, Conflict("changed"), ClusterAway("away"), RuntimeError("a bug"))) == 5
