"""What becomes of calls that share a run."""

import functools

import numpy as np

from penstock_predictor.errors import RequestError
from penstock_predictor.serving.call import CallOutputs, Deadline
from penstock_predictor.serving.run import RunResult, compute
from penstock_testing import tiny_models

from .conftest import GatedModel, HeardCall, MakeModel


def call_of(model: GatedModel, values: object, *, rows: int) -> HeardCall:
    """A call as the batcher makes it: it says how many of its rows may share a run."""
    (spec,) = model.inputs
    kind = np.int64 if spec.datatype == "INT64" else np.float32
    call = HeardCall({spec.name: np.array(values, kind)}, model.output_names, Deadline.after(60), 0)
    call.rows = rows
    return call


def told(run: RunResult) -> list[object]:
    """Of each call the values of its first output."""
    parts = [outcome for outcome in run.outcomes if isinstance(outcome, CallOutputs)]
    assert len(parts) == len(run.outcomes)
    return [part.arrays[0].tolist() for part in parts]


def test_rows_computed_together_go_back_to_their_calls(make_model: MakeModel) -> None:
    model = make_model(functools.partial(tiny_models.scaled, factor=2))
    values = [[[1, 2]], [[3, 4], [5, 6]], [[7, 8]]]
    run = compute(model, [call_of(model, each, rows=len(each)) for each in values])
    assert (run.rows, len(model.threads)) == (4, 1)
    assert told(run) == [[[2, 4]], [[6, 8], [10, 12]], [[14, 16]]]
    assert run.seconds > 0


def test_a_lone_call_need_not_answer_row_by_row(make_model: MakeModel) -> None:
    model = make_model(tiny_models.summed)
    run = compute(model, [call_of(model, [1, 2, 3], rows=0)])
    assert (run.rows, told(run)) == (1, [6])


def test_when_a_run_fails_each_call_is_computed_alone(make_model: MakeModel) -> None:
    model = make_model(tiny_models.lookup)
    run = compute(model, [call_of(model, [number], rows=1) for number in (0, 9, 2, -9)])
    good = [outcome.arrays[0].tolist() for outcome in run.outcomes if isinstance(outcome, CallOutputs)]
    assert good == [[0], [20]]
    assert [isinstance(outcome, RequestError) for outcome in run.outcomes] == [False, True, False, True]


def test_an_answer_beyond_the_limit_because_of_the_others_is_given_all_the_same(make_model: MakeModel) -> None:
    model = make_model(tiny_models.matrix)
    model._max_output_bytes = 3 * 8
    run = compute(model, [call_of(model, [[1, 2]], rows=1) for _ in range(3)])
    assert told(run) == [[[1, 2]]] * 3


def test_an_output_that_has_not_one_entry_a_row_is_computed_alone(make_model: MakeModel) -> None:
    model = make_model(tiny_models.picky)
    run = compute(model, [call_of(model, [1, 2, 3], rows=3), call_of(model, [4, 5, 6], rows=3)])
    assert told(run) == [[[1, 2, 3]], [[4, 5, 6]]]
    assert len(model.threads) == 3


def test_what_nobody_foresaw_is_an_answer_for_every_call(make_model: MakeModel) -> None:
    model = make_model(functools.partial(tiny_models.scaled, factor=2))
    calls = [call_of(model, [[1, 2]], rows=1), call_of(model, [[1, 2]], rows=1)]
    calls[1].feeds = {}
    run = compute(model, calls)
    assert [str(outcome) for outcome in run.outcomes] == ["the model failed: KeyError"] * 2
