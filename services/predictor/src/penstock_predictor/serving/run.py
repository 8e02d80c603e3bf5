"""One run of the model for one or more calls."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penstock_predictor.errors import InferenceFailed, RequestError
from penstock_predictor.model.inference import Feeds, ServedModel
from penstock_predictor.serving.call import Call, CallOutcome, CallOutputs, RunOutputs

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunResult:
    """What came of it: an outcome for each call, in their order."""

    outcomes: Sequence[CallOutcome]
    rows: int
    seconds: float
    joined: "JoinedTensors | None" = None
    """What was computed for several calls at once; None where there is one, or each was computed alone."""
    started: float = 0.0
    """When it began, on `time.monotonic`."""


@dataclass(frozen=True)
class JoinedTensors:
    """Tensors of several calls, one behind the other."""

    feeds: Feeds
    outputs: RunOutputs


def compute(model: ServedModel, batch: Sequence[Call]) -> RunResult:
    """Compute calls that fit beside each other. Runs on the event loop or in a thread; raises nothing."""
    rows = sum(call.rows for call in batch) or 1
    started = time.monotonic()
    try:
        joined = None if len(batch) == 1 else _run_together(model, batch, rows)
        outcomes = (
            [_run_alone(model, call) for call in batch] if joined is None else _split_outputs(batch, joined.outputs)
        )
    except Exception as error:  # noqa: BLE001 - the outermost frame of a thread: callers would wait for ever
        _log.exception("a run failed in a way nobody foresaw")
        joined = None
        outcomes = [InferenceFailed(f"the model failed: {type(error).__name__}")] * len(batch)
    return RunResult(outcomes, rows, time.monotonic() - started, joined, started)


def _run_alone(model: ServedModel, call: Call) -> CallOutcome:
    try:
        return CallOutputs(RunOutputs(model.run(call.feeds, call.outputs)))
    except RequestError as error:
        return error


def _run_together(model: ServedModel, batch: Sequence[Call], rows: int) -> JoinedTensors | None:
    """None: each call is to be computed alone."""
    feeds = {name: np.concatenate([call.feeds[name] for call in batch]) for name in batch[0].feeds}
    try:
        outputs = RunOutputs(model.run(feeds, batch[0].outputs))
    except RequestError:
        return None  # one call's values may have failed them all: the others must not suffer for it
    return JoinedTensors(feeds, outputs) if all(len(array) == rows for array in outputs.arrays) else None


def _split_outputs(batch: Sequence[Call], outputs: RunOutputs) -> list[CallOutcome]:
    parts: list[CallOutcome] = []
    start = 0
    for call in batch:
        stop = start + call.rows
        parts.append(CallOutputs(outputs, start, stop))
        start = stop
    return parts
