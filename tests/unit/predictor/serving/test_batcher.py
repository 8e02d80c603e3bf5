"""Which calls share a run, when it begins, and what becomes of those that cannot wait."""

import asyncio
import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from penstock_predictor.errors import DeadlineExceeded, NotReady, Overloaded
from penstock_predictor.model.run_time_model import RunTimeModel
from penstock_predictor.serving.batcher import BatchLimits, CallBatcher
from penstock_predictor.serving.call import CallOutcome, Deadline
from penstock_testing import tiny_models

from .conftest import PATIENCE, GatedModel, HeardCall, MakeModel

LONG = 60.0
"""Seconds that no test lasts."""
triple = functools.partial(tiny_models.scaled, factor=3)


class Desk:
    """A batcher, and what it told to whom."""

    def __init__(self, model: GatedModel, *, run_times: RunTimeModel | None = None, **limits: Any) -> None:
        self.model = model
        self.runs: list[int] = []
        self.released: list[int] = []
        """Sizes, which here are numbers of rows."""
        given = {"max_rows": 8, "max_latency": 0.0, "threads": 1, "steady": True} | limits
        self.batcher = CallBatcher(
            model,
            BatchLimits(**given),
            run_times=run_times or RunTimeModel(),
            observer=self,
            release=self.released.append,
        )

    def count_run(self, rows: int, seconds: float) -> None:
        self.runs.append(rows)

    def ask(self, values: Any, *, seconds: float = LONG, outputs: tuple[str, ...] | None = None) -> HeardCall:
        """Submit one call for the model's only input."""
        (spec,) = self.model.inputs
        kind = np.int64 if spec.datatype == "INT64" else np.float32
        feeds = {spec.name: np.array(values, dtype=kind)}
        call = HeardCall(feeds, outputs or self.model.output_names, Deadline.after(seconds), size=len(values))
        self.batcher.submit(call)
        return call

    async def heard(self, *calls: HeardCall) -> None:
        """Wait for these calls' outcomes, and for all that ran."""
        async with asyncio.timeout(PATIENCE):
            while not all(call.done for call in calls):  # noqa: ASYNC110 - nothing to await
                await asyncio.sleep(0)

    async def all_released(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.released) < number:  # noqa: ASYNC110 - nothing to await
                await asyncio.sleep(0)


@contextmanager
def held(model: GatedModel) -> Iterator[None]:
    """No run ends meanwhile."""
    model.gate.clear()
    try:
        yield
    finally:
        model.gate.set()


async def a_run_began(model: GatedModel, number: int = 1) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(model.threads) < number:  # noqa: ASYNC110 - nothing to await
            await asyncio.sleep(0)


def rows(number: int, start: float = 0) -> list[list[float]]:
    return [[start + row, -row] for row in range(number)]


async def test_calls_of_one_turn_share_a_run_and_each_gets_its_own_rows(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple))
    calls = [desk.ask(rows(number, start=10 * number)) for number in (1, 2, 3)]
    await desk.heard(*calls)
    assert desk.runs == [6]
    for number, call in zip((1, 2, 3), calls, strict=True):
        (y,) = call.arrays
        assert y.tolist() == (3 * np.array(rows(number, start=10 * number))).tolist()
    assert desk.released == [1, 2, 3]


async def test_a_run_has_no_more_rows_than_it_may(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple), max_rows=8)
    await desk.heard(*[desk.ask(rows(3)) for _ in range(5)])
    assert desk.runs == [6, 6, 3]


async def test_a_small_call_goes_into_the_room_that_a_large_one_left(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple), max_rows=8)
    await desk.heard(*[desk.ask(rows(number)) for number in (6, 6, 2, 2)])
    assert desk.runs == [8, 8]


async def test_one_call_may_have_more_rows_than_a_run_takes_from_several(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple), max_rows=8)
    calls = [desk.ask(rows(number)) for number in (1, 20, 1)]
    await desk.heard(*calls)
    assert sorted(desk.runs) == [2, 20]
    assert len(calls[1].arrays[0]) == 20


async def test_where_rows_must_not_share_a_run_none_do(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple), max_rows=1)
    await desk.heard(*[desk.ask(rows(2)) for _ in range(3)])
    assert len(desk.runs) == 3


async def test_a_call_without_rows_has_a_run_of_its_own(make_model: MakeModel) -> None:
    desk = Desk(make_model(tiny_models.matrix))
    empty, other = desk.ask(np.zeros((0, 2))), desk.ask(rows(1))
    await desk.heard(empty, other)
    assert [array.shape for array in empty.arrays] == [(0, 2), (0, 2)]
    assert len(desk.runs) == 2


async def test_calls_of_other_shapes_or_for_other_outputs_run_apart_and_none_is_left_behind(
    make_model: MakeModel,
) -> None:
    desk = Desk(make_model(tiny_models.matrix), steady=False)
    calls = [
        desk.ask([[1, 2]]),
        desk.ask([[1, 2, 3]]),
        desk.ask([[5, 6]]),
        desk.ask([[7, 8]], outputs=("z",)),
        desk.ask([[9, 10]], outputs=("z",)),
    ]
    await desk.heard(*calls)
    assert desk.runs == [2, 1, 2]
    assert [array.tolist() for array in calls[2].arrays] == [[[5, 6]], [[-5, -6]]]
    assert [array.tolist() for array in calls[4].arrays] == [[[-9, -10]]]


async def test_a_bad_row_fails_alone(make_model: MakeModel) -> None:
    desk = Desk(make_model(tiny_models.lookup))
    calls = [desk.ask([value]) for value in (1, 7, 2)]
    await desk.heard(*calls)
    assert [calls[0].arrays[0].tolist(), calls[2].arrays[0].tolist()] == [[10], [20]]
    assert calls[1].error.status in (422, 500)
    assert len(desk.released) == 3


# -- where runs are made


async def test_a_short_run_is_made_on_the_event_loop_and_a_long_one_is_not(make_model: MakeModel) -> None:
    here = threading.get_ident()
    run_times = RunTimeModel()
    run_times.learn(1, 0.0001)
    desk = Desk(make_model(triple), run_times=run_times)
    await desk.heard(desk.ask(rows(1)))
    assert desk.model.threads == [here]
    for _ in range(100):
        run_times.learn(1, 1.0)
    await desk.heard(desk.ask(rows(1)))
    assert desk.model.threads[1] != here


async def test_a_model_of_which_nothing_tells_the_time_never_runs_on_the_event_loop(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple), steady=False)
    await desk.heard(desk.ask(rows(1)))
    assert desk.model.threads != [threading.get_ident()]


async def test_no_more_long_runs_at_once_than_threads_and_what_arrives_meanwhile_joins_the_next(
    make_model: MakeModel,
) -> None:
    desk = Desk(make_model(triple), steady=False, threads=2)
    with held(desk.model):
        first = [desk.ask(rows(1))]
        await a_run_began(desk.model)
        first.append(desk.ask(rows(1)))
        await a_run_began(desk.model, 2)
        later = [desk.ask(rows(1)) for _ in range(4)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert (len(desk.model.threads), desk.batcher.waiting) == (2, 4)
    await desk.heard(*first, *later)
    assert sorted(desk.runs) == [1, 1, 4]


# -- time


async def test_a_call_whose_time_is_over_is_not_run(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple))
    late, other = desk.ask(rows(1), seconds=0), desk.ask(rows(1))
    await desk.heard(late, other)
    assert isinstance(late.error, DeadlineExceeded)
    assert desk.runs == [1]
    assert len(desk.released) == 2


async def test_a_deadline_in_a_run_is_kept_and_its_place_is_taken_until_the_run_ends(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple), steady=False)
    with held(desk.model):
        late, patient = desk.ask(rows(1), seconds=0.02), desk.ask(rows(2))
        await desk.heard(late)
        assert isinstance(late.error, DeadlineExceeded)
        assert not patient.done
        assert desk.released == []
    await desk.heard(patient)
    assert desk.released == [1, 2]


async def test_a_deadline_behind_a_long_run_is_kept(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple), steady=False)
    with held(desk.model):
        first = desk.ask(rows(1))
        await a_run_began(desk.model)
        late, patient = desk.ask(rows(1), seconds=0.02), desk.ask(rows(1))
        await desk.heard(late)
        assert isinstance(late.error, DeadlineExceeded)
    await desk.heard(first, patient)
    await desk.all_released(3)
    assert desk.runs == [1, 1]


async def test_what_would_outlast_its_deadline_is_refused_at_once(make_model: MakeModel) -> None:
    run_times = RunTimeModel()
    run_times.learn(8, 10.0)
    desk = Desk(make_model(triple), run_times=run_times, steady=False)
    with held(desk.model):
        first = desk.ask(rows(1))
        await a_run_began(desk.model)
        with pytest.raises(Overloaded, match="0 requests wait") as refused:
            desk.ask(rows(8), seconds=35)
        second = desk.ask(rows(8), seconds=45)
        with pytest.raises(Overloaded, match="1 requests wait"):
            desk.ask(rows(8), seconds=45)
    assert (refused.value.status, refused.value.reason) == (429, "time")
    await desk.heard(first, second)
    assert desk.released == [1, 8]


# -- waiting for more


async def test_a_run_waits_for_more_rows_and_begins_when_it_is_full(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple), max_latency=LONG, max_rows=4)
    calls = [desk.ask(rows(1))]
    for _ in range(3):
        await asyncio.sleep(0)
        assert desk.runs == []
        calls.append(desk.ask(rows(1)))
    await desk.heard(*calls)
    assert desk.runs == [4]


async def test_a_run_waits_no_longer_than_it_may(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple), max_latency=0.01)
    await desk.heard(desk.ask(rows(1)))
    assert desk.runs == [1]


async def test_a_run_waits_no_longer_than_the_first_deadline_allows(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple), max_latency=LONG)
    patient = desk.ask(rows(1))
    await asyncio.sleep(0)
    hasty = desk.ask(rows(1), seconds=0.2)
    await desk.heard(patient, hasty)
    assert desk.runs == [2]
    assert hasty.arrays[0].tolist() == [[0, 0]]


async def test_who_waited_once_and_had_no_place_does_not_wait_again(make_model: MakeModel) -> None:
    """Were each to wait, the last would be past all patience."""
    desk = Desk(make_model(tiny_models.matrix), max_latency=0.2, max_rows=1000, steady=False)
    calls = [desk.ask([[0] * width]) for width in range(1, 201)]
    await desk.heard(*calls)
    assert desk.runs == [1] * 200


# -- the end


async def test_a_closed_batcher_drops_what_has_not_begun_and_ends_what_has(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple), steady=False)
    with held(desk.model):
        running = desk.ask(rows(1))
        await a_run_began(desk.model)
        waiting = desk.ask(rows(1))
        desk.batcher.close()
    await desk.heard(running, waiting)
    assert running.arrays[0].tolist() == [[0, 0]]
    assert isinstance(waiting.error, NotReady)
    with pytest.raises(NotReady):
        desk.ask(rows(1))
    await desk.all_released(2)


async def test_a_batcher_that_is_closed_before_its_turn_answers(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple))
    call = desk.ask(rows(1))
    desk.batcher.close()
    await desk.heard(call)
    assert isinstance(call.error, NotReady)
    assert desk.runs == []


class BrokenCall(HeardCall):
    """Cannot take its outcome."""

    __slots__ = ()

    def finish(self, outcome: CallOutcome) -> None:
        raise ValueError("nobody foresaw this")


async def test_a_call_that_cannot_take_its_outcome_takes_none_from_the_others(make_model: MakeModel) -> None:
    desk = Desk(make_model(triple))
    feeds = {"x": np.zeros((1, 2), np.float32)}
    broken = BrokenCall(feeds, ("y",), Deadline.after(LONG), size=1)
    desk.batcher.submit(broken)
    other = desk.ask(rows(2))
    await desk.heard(other)
    assert desk.released == [1, 2]
