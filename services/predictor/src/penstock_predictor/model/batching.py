"""May rows of several requests be computed in one run? Decided once, at load, by trying it.

A graph says only that its first dimension is open. Whether its rows are independent, the answers show: a model that
normalises over its batch, or that has one state for all rows, answers a row otherwise among others than alone.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.errors import RequestError
from penstock_predictor.model.golden import equal
from penstock_predictor.model.inference import Feeds, Model
from penstock_predictor.model.pace import Pace
from penstock_predictor.tensors.datatypes import Array

_WORTH_SECONDS = 0.2
"""A model whose largest run may take longer is not timed further at load."""

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
    rows = _rows(model, example)
    if len(rows) < 2:  # noqa: PLR2004 - one row shows nothing
        return Batching(possible=False, reason="no two different rows were found that it answers: it cannot be tried")
    verdict = _compare(model, rows)
    _log.info("batching was tried", extra={"possible": verdict.possible, "reason": verdict.reason})
    return verdict


def learn_pace(model: Model, example: Feeds, pace: Pace, max_rows: int) -> None:
    """Time the largest run that is made of small requests, so that the first burst finds its way round the event loop.

    Of a slow model it is known already that it does not belong there.
    """
    if pace.expect(1) * max_rows > _WORTH_SECONDS:
        return
    rows = {name: np.concatenate([array[:1]] * max_rows) for name, array in example.items()}
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        try:
            model.run(rows, model.output_names)
        except RequestError:
            return
        seconds.append(time.perf_counter() - started)
    pace.learn(max_rows, min(seconds))


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


def _same(together: Array, alone: Array) -> bool:
    return together.shape == alone.shape and together.dtype == alone.dtype and bool(equal(alone, together).all())


def _rows(model: Model, example: Feeds) -> list[tuple[Feeds, list[Array]]]:
    """Different single rows with their answers: of the example, and made from it."""
    found: list[tuple[Feeds, list[Array]]] = []
    seen: set[bytes] = set()
    for candidate in _candidates(model.inputs, example):
        key = b"|".join(repr(array.tolist()).encode() for array in candidate.values())
        if key in seen:
            continue
        seen.add(key)
        answer = _answer_alone(model, candidate)
        if answer is not None:
            found.append((candidate, answer))
    return found


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
