"""May rows of several requests be computed in one run? Decided once, at load, by trying it.

A graph says only that its first dimension is open. Whether its rows are independent, the answers show: a model that
normalises over its batch, or that has one state for all rows, answers a row otherwise among others than alone.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.errors import RequestError
from penstock_predictor.model.golden import equal
from penstock_predictor.model.inference import Feeds, Model
from penstock_predictor.model.pace import Pace
from penstock_predictor.tensors.datatypes import Array

_TIMED_RUNS = 5
"""Of each size; the quickest counts, since only what disturbs makes a run longer."""
_WORTH_SECONDS = 0.2
"""Sizes whose runs may take longer than this are not timed at load."""
_SECONDS_AROUND_A_RUN = 0.00003
"""What the server does for each run beside the model's part."""
_HARDLY_MORE = 1.1
"""Times the least cost of a row: more than what two timings of one size differ by."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batching:
    """The verdict on one model."""

    possible: bool
    reason: str = ""
    """Why not; empty when it is possible."""


def judge_batching(model: Model, example: Feeds) -> Batching:
    """Compare rows computed together with the same rows computed alone. `example` is a request the model answers."""
    if not model.inputs:
        return Batching(possible=False, reason="it has no input")
    for spec in (*model.inputs, *model.outputs):
        if not spec.shape or spec.shape[0] != -1:
            return Batching(
                possible=False, reason=f"{spec.name!r} of shape {list(spec.shape)} has no open first dimension"
            )
    rows, refused = _rows(model, example)
    if len(rows) < 2:  # noqa: PLR2004 - one row shows nothing
        return Batching(possible=False, reason="no two different rows were found that it answers: it cannot be tried")
    verdict = _compare(model, rows)
    if verdict.possible:
        verdict = _beside_others(model, rows[0][0], refused)
    _log.info("batching was tried", extra={"possible": verdict.possible, "reason": verdict.reason})
    return verdict


def rows_that_pay(model: Model, example: Feeds, pace: Pace, max_rows: int) -> int:
    """How many rows in one run save time: runs of 1, 2, 4, ... rows are timed, and `pace` learns from them.

    Of a slow model only a few sizes are timed, and of one for which more rows do not pay: what onnxruntime takes for a
    run of many images it keeps.
    """
    sizes = [2**power for power in range(max_rows.bit_length()) if 2**power < max_rows] + [max_rows]
    cost: dict[int, float] = {}
    for rows in sizes:
        if cost and (pace.expect(rows) * _TIMED_RUNS > _WORTH_SECONDS or pays_no_more(list(cost.values()))):
            break
        seconds = _quickest(model, [{name: array[:1] for name, array in example.items()}] * rows)
        if seconds is None:
            break
        pace.learn(rows, seconds)
        cost[rows] = (seconds + _SECONDS_AROUND_A_RUN) / rows
    return fewest_that_pay(cost, max_rows)


def fewest_that_pay(cost: Mapping[int, float], max_rows: int) -> int:
    """The fewest rows with hardly more than the least cost. `cost`: rows in a run to seconds a row, ascending.

    Where the largest size is the cheapest, more rows may be cheaper still: then as many as are allowed.
    """
    enough = next((rows for rows in cost if cost[rows] <= _HARDLY_MORE * min(cost.values())), 1)
    return max_rows if enough == max(cost, default=1) else enough


def pays_no_more(cost: Sequence[float]) -> bool:
    """Whether the last two sizes, of three or more, made a row hardly cheaper: `cost` is each size's for a row."""
    before, last_two = cost[:-2], cost[-2:]
    return bool(before) and min(before) <= _HARDLY_MORE * min(last_two)


def _quickest(model: Model, rows: Sequence[Feeds]) -> float | None:
    """Seconds of the quickest run, rows put together included; None where the model does not answer."""
    seconds = []
    for _ in range(_TIMED_RUNS):
        started = time.perf_counter()
        feeds = rows[0] if len(rows) == 1 else {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
        try:
            model.run(feeds, model.output_names)
        except RequestError:
            return None
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _compare(model: Model, rows: Sequence[tuple[Feeds, list[Array]]]) -> Batching:
    """Together in this order and in the other: a row's place must not matter either."""
    for order in (rows, list(reversed(rows))):
        feeds = {spec.name: np.concatenate([row[spec.name] for row, _ in order]) for spec in model.inputs}
        try:
            together = model.run(feeds, model.output_names)
        except RequestError as error:
            return Batching(possible=False, reason=f"{len(order)} rows in one run fail: {error}")
        for name, array, *alone in zip(model.output_names, together, *(answer for _, answer in order), strict=True):
            if not _same(array, np.concatenate(alone)):
                return Batching(possible=False, reason=f"output {name!r} of a row depends on the other rows of its run")
    return Batching(possible=True)


def _beside_others(model: Model, answered: Feeds, refused: Sequence[Feeds]) -> Batching:
    """A row that the model fails on alone must not be answered because another one came before or after it."""
    for row in refused:
        for order in ((answered, row), (row, answered)):
            together = {name: np.concatenate([each[name] for each in order]) for name in answered}
            if _answers(model, together):
                return Batching(possible=False, reason="a row that it fails on alone is answered among others")
    return Batching(possible=True)


def _answers(model: Model, feeds: Feeds) -> bool:
    try:
        model.run(feeds, model.output_names)
    except RequestError:
        return False
    return True


def _same(together: Array, alone: Array) -> bool:
    return together.shape == alone.shape and together.dtype == alone.dtype and bool(equal(alone, together).all())


def _rows(model: Model, example: Feeds) -> tuple[list[tuple[Feeds, list[Array]]], list[Feeds]]:
    """Different single rows, of the example and made from it: those with an answer, and those without."""
    found: list[tuple[Feeds, list[Array]]] = []
    refused: list[Feeds] = []
    seen: set[bytes] = set()
    for candidate in _candidates(model.inputs, example):
        key = b"|".join(repr(array.tolist()).encode() for array in candidate.values())
        if key in seen:
            continue
        seen.add(key)
        answer = _answer_alone(model, candidate)
        if answer is None:
            refused.append(candidate)
        else:
            found.append((candidate, answer))
    return found, refused


def _answer_alone(model: Model, row: Feeds) -> list[Array] | None:
    """None for a row that the model does not answer with one row of each output."""
    try:
        answer = model.run(row, model.output_names)
    except RequestError:
        return None
    return answer if all(array.shape[:1] == (1,) for array in answer) else None


def _candidates(inputs: Sequence[TensorSpec], example: Feeds) -> list[Feeds]:
    """At most three rows of the example, and the first of them varied. BYTES stay: words are not made up."""
    rows = min(len(example[spec.name]) for spec in inputs)
    taken: list[Feeds] = [
        {name: array[row : row + 1] for name, array in example.items()} for row in range(min(rows, 3))
    ]
    if not taken:
        return []
    return taken + [{name: vary(array) for name, array in taken[0].items()} for vary in _VARIATIONS]


def _zeros(array: Array) -> Array:
    return array if array.dtype.kind == "O" else np.zeros_like(array)


def _halved_and_one_more(array: Array) -> Array:
    if array.dtype.kind != "f":
        return array
    return (np.nan_to_num(array.astype(np.float64)) / 2 + 1).astype(array.dtype)


def _another_integer(array: Array) -> Array:
    return np.where(array == 0, 1, 0).astype(array.dtype) if array.dtype.kind in "iub" else array


_VARIATIONS: tuple[Callable[[Array], Array], ...] = (_zeros, _halved_and_one_more, _another_integer)
