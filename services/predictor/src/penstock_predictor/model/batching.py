"""May rows of several requests be computed in one run? Decided once, at load: only where it is shown twice.

The graph has to show that each row keeps to itself (`rows.flow`): no trial could, since a model may mix rows for values
only that were not tried. The trial then has to agree, with rows of very unlike size and sign, alone and together: it
finds what a rule did not know of an operator.
"""

import logging
import mmap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.errors import RequestError
from penstock_predictor.model.inference import Feeds, ServedModel
from penstock_predictor.model.rows.flow import why_rows_may_mix
from penstock_predictor.model.rows.onnx_file import UnreadableGraph, read_graph
from penstock_predictor.model.run_time_model import RunTimeModel
from penstock_predictor.tensors.arrays import Array

_OPERATORS = ("Loop", "Scan", "If")
_OP_TYPE = 4 << 3 | 2
"""Tag of NodeProto's field `op_type`, a string. Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto"""
_TIMED_RUNS = 5
"""Of each size; the quickest counts, since only what disturbs makes a run longer."""
_WORTH_SECONDS = 0.2
"""Sizes whose runs may take longer than this are not timed at load."""
_SECONDS_AROUND_A_RUN = 0.00003
"""What the server does for each run beside the model's part."""
_HARDLY_MORE = 1.1
"""Times the least cost of a row: more than what two timings of one size differ by."""

_RELATIVE = 1e-4
_HALF_PRECISION = 1e-2
"""Of FP16, whose own digits are that far apart."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batching:
    """The verdict on one model."""

    possible: bool
    reason: str = ""
    """Why not; empty when it is possible."""


def judge_batching(model: ServedModel, example: Feeds, file: Path) -> Batching:
    """What the graph in `file` shows, then what a trial does. `example` is a request the model answers."""
    verdict = _judge(model, example, file)
    _log.info("batching was judged", extra={"possible": verdict.possible, "reason": verdict.reason})
    return verdict


def _judge(model: ServedModel, example: Feeds, file: Path) -> Batching:
    closed = _closed_dimension(model)
    if closed:
        return Batching(possible=False, reason=closed)
    try:
        reason = why_rows_may_mix(read_graph(file), model.output_names)
    except UnreadableGraph as error:
        reason = str(error)
    return Batching(possible=False, reason=reason) if reason else try_rows(model, example)


def _closed_dimension(model: ServedModel) -> str:
    """Why rows cannot even be put together; empty: they can."""
    if not model.inputs:
        return "it has no input"
    specs = (*model.inputs, *model.outputs)
    closed = next((spec for spec in specs if not spec.shape or spec.shape[0] != -1), None)
    return f"{closed.name!r} of shape {list(closed.shape)} has no open first dimension" if closed else ""


def try_rows(model: ServedModel, example: Feeds) -> Batching:
    """Compare rows computed together with the same rows computed alone. `example` is a request the model answers."""
    rows, refused = _rows(model, example)
    if len(rows) < 2:  # noqa: PLR2004 - one row shows nothing
        return Batching(possible=False, reason="no two different rows were found that it answers: it cannot be tried")
    verdict = _compare(model, rows)
    return _beside_others(model, rows[0][0], refused) if verdict.possible else verdict


def rows_that_pay(model: ServedModel, example: Feeds, run_times: RunTimeModel, max_rows: int) -> int:
    """How many rows in one run save time: runs of 1, 2, 4, ... rows are timed, and `run_times` learns from them.

    Of a slow model only a few sizes are timed, and of one for which more rows do not pay: what onnxruntime takes for a
    run of many images it keeps.
    """
    sizes = [2**power for power in range(max_rows.bit_length()) if 2**power < max_rows] + [max_rows]
    cost: dict[int, float] = {}
    for rows in sizes:
        if cost and (run_times.expect(rows) * _TIMED_RUNS > _WORTH_SECONDS or pays_no_more(list(cost.values()))):
            break
        seconds = _quickest(model, [{name: array[:1] for name, array in example.items()}] * rows)
        if seconds is None:
            break
        run_times.learn(rows, seconds)
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


def _quickest(model: ServedModel, rows: Sequence[Feeds]) -> float | None:
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


def _compare(model: ServedModel, rows: Sequence[tuple[Feeds, list[Array]]]) -> Batching:
    """All together in this order and in the other, and each two neighbours: a row's place must not matter either."""
    for order in (rows, list(reversed(rows)), *(rows[at : at + 2] for at in range(len(rows) - 1))):
        feeds = {spec.name: np.concatenate([row[spec.name] for row, _ in order]) for spec in model.inputs}
        try:
            together = model.run(feeds, model.output_names)
        except RequestError as error:
            return Batching(possible=False, reason=f"{len(order)} rows in one run fail: {error}")
        for name, array, *alone in zip(model.output_names, together, *(answer for _, answer in order), strict=True):
            if len(array) != len(order) or not all(map(_same, np.split(array, len(order)), alone)):
                return Batching(possible=False, reason=f"output {name!r} of a row depends on the other rows of its run")
    return Batching(possible=True)


def _beside_others(model: ServedModel, answered: Feeds, refused: Sequence[Feeds]) -> Batching:
    """A row that the model fails on alone must not be answered because another one came before or after it."""
    for row in refused:
        for order in ((answered, row), (row, answered)):
            together = {name: np.concatenate([each[name] for each in order]) for name in answered}
            if _answers(model, together):
                return Batching(possible=False, reason="a row that it fails on alone is answered among others")
    return Batching(possible=True)


def _answers(model: ServedModel, feeds: Feeds) -> bool:
    try:
        model.run(feeds, model.output_names)
    except RequestError:
        return False
    return True


def _same(together: Array, alone: Array) -> bool:
    """Of one row. Floats are added up in another order in another run: no more than that may differ."""
    if together.shape != alone.shape or together.dtype != alone.dtype:
        return False
    if alone.dtype.kind != "f":
        return bool((together == alone).all())
    one, other = alone.astype(np.float64), together.astype(np.float64)
    nearly = _HALF_PRECISION if alone.dtype.itemsize == 2 else _RELATIVE  # noqa: PLR2004 - bytes
    return bool(np.isclose(other, one, rtol=nearly, atol=nearly / 10 * _largest(one), equal_nan=True).all())


def _largest(array: npt.NDArray[np.float64]) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0


def _rows(model: ServedModel, example: Feeds) -> tuple[list[tuple[Feeds, list[Array]]], list[Feeds]]:
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


def _answer_alone(model: ServedModel, row: Feeds) -> list[Array] | None:
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


def _another_integer(array: Array) -> Array:
    return np.where(array == 0, 1, 0).astype(array.dtype) if array.dtype.kind in "iub" else array


def _affine(factor: float, more: float) -> Callable[[Array], Array]:
    """Floats times a factor and some more; a type that cannot hold the result stays as it is."""

    def change(array: Array) -> Array:
        if array.dtype.kind != "f":
            return array
        with np.errstate(over="ignore"):
            changed = (np.nan_to_num(array.astype(np.float64)) * factor + more).astype(array.dtype)
        return changed if np.isfinite(changed).all() else array

    return change


_VARIATIONS: tuple[Callable[[Array], Array], ...] = (
    _zeros,
    _affine(0.5, 1),
    _another_integer,
    _affine(-3, -0.25),
    _affine(1000, 17),
    _affine(0.001, 0),
    _affine(-100000, 3),
)
"""Rows of very unlike size and sign: one that sets a scale for all is seen beside small ones."""


def control_flow(file: Path) -> str | None:
    """The first operator of a model file that has graphs of its own to run or not; None where there is none.

    With one, the runs before tell nothing about how long the next one takes, and a row that takes long would hold up
    the rows of other requests beside it.

    Looks for how protobuf writes such a node, without reading the whole graph. Other bytes can look the same by chance:
    that makes the model no worse than unbatched.
    """
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return next((name for name in _OPERATORS if content.find(_node(name)) != -1), None)


def _node(operator: str) -> bytes:
    return bytes([_OP_TYPE, len(operator)]) + operator.encode()
