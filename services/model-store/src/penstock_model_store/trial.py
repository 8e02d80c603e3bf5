"""A model's first answers: to its own example, or to the first of many guesses that it can answer."""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import onnxruntime

from penstock_contracts.base import evolve
from penstock_contracts.inference import InferRequest, InferResponse, RequestInput
from penstock_contracts.model_card import Golden, GoldenSource, TensorSpec
from penstock_model_store.canonical import EXAMPLE_NAME
from penstock_model_store.errors import (
    GoldenFailed,
    GoldenNotFinite,
    IngestError,
    InputExampleRefused,
    MemoryLimitExceeded,
    TextNotUnicode,
)
from penstock_model_store.golden import Guess, Shape, check_answers, guesses, kept_request, stride_of
from penstock_model_store.runtime import run
from penstock_model_store.tensors import Array, dtype_of, response_output

_RANKS = (2, 1, 3, 4, 0)
"""Tried for an input of which the graph states no rank."""
_RUNS, _RUNS_SECONDS = 10, 0.5
"""Of the golden request, to time it."""
_FAULTS_OF_A_GUESS = (GoldenFailed, GoldenNotFinite, TextNotUnicode)


@dataclass(frozen=True, kw_only=True)
class AnsweredTrial:
    """A request that was answered, and how long that took."""

    golden: Golden
    seconds: float
    """The shortest run: other work on the machine only makes one longer."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A loaded model that is to answer."""

    session: onnxruntime.InferenceSession
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    unranked: frozenset[str]
    """Inputs of which the graph states no rank."""

    def of_example(self, example: InferRequest) -> AnsweredTrial:
        """The golden answer to the version's own example. Raises IngestError."""
        feeds = {tensor.name: _array(tensor) for tensor in example.inputs}
        try:
            answered = self._golden(feeds, GoldenSource.INPUT_EXAMPLE)
        except GoldenFailed as error:
            raise InputExampleRefused(
                f"the model does not answer its own input example ({error}): log the model with one that it answers"
            ) from error
        if not _without_data(answered.golden):
            return answered
        return replace(answered, golden=evolve(answered.golden, request_path=EXAMPLE_NAME))

    def of_guesses(self, cpu_seconds: float) -> AnsweredTrial:
        """The golden answer to the first guess that is answered, tried for that long at most.

        Raises IngestError: GoldenFailed, with how to give an example by hand, where no guess was answered.
        """
        end = time.process_time() + cpu_seconds
        first: IngestError | None = None
        for guess in self._guesses():
            try:
                answered = self._golden(guess.feeds(), GoldenSource.SIGNATURE)
            except _FAULTS_OF_A_GUESS as error:
                first = first or error
            except (MemoryLimitExceeded, MemoryError):
                if first is None:
                    raise
                break  # this size was too large a guess: larger ones are no better
            else:
                if not _without_data(answered.golden):
                    return answered
                return replace(answered, golden=evolve(answered.golden, fill=guess.fill))
            if time.process_time() > end:
                break
        raise self._not_answered(first) from first

    def _guesses(self) -> Iterator[Guess]:
        stated = {tensor.name: _shape(tensor.shape) for tensor in self.session.get_inputs()}
        if not self.unranked:
            return guesses(self.inputs, stated)
        return chain.from_iterable(
            guesses(self.inputs, stated | dict.fromkeys(self.unranked, ("",) * rank)) for rank in _RANKS
        )

    def _not_answered(self, first: IngestError | None) -> IngestError:
        if isinstance(first, TextNotUnicode):
            return first
        wanted = ", ".join(f"'{spec.name}': {spec.datatype} {list(spec.shape)}" for spec in self.inputs[:8])
        return GoldenFailed(
            f"the model answers no request that could be guessed from its inputs ({first}): give it an example, "
            "mlflow.onnx.log_model(model, name='model', input_example={'<input>': <numpy array>, ...}), of a request "
            f"that it answers, with the inputs {wanted}"
        )

    def _golden(self, feeds: Mapping[str, Array], source: GoldenSource) -> AnsweredTrial:
        (first, took), (second, took_again) = (self._timed(feeds) for _ in range(2))
        check_answers(first, second)
        stride = stride_of(first)
        answers = tuple(response_output(spec.name, spec.datatype, first[spec.name], stride) for spec in self.outputs)
        golden = Golden(
            source=source,
            request=kept_request(self.inputs, feeds),
            response=InferResponse(model_name="golden", outputs=answers),
            stride=stride,
        )
        return AnsweredTrial(golden=golden, seconds=self._shortest(feeds, (took, took_again)))

    def _timed(self, feeds: Mapping[str, Array]) -> tuple[dict[str, Array], float]:
        began = time.perf_counter()
        answer = run(self.session, self.outputs, feeds)
        return answer, time.perf_counter() - began

    def _shortest(self, feeds: Mapping[str, Array], took: tuple[float, ...]) -> float:
        """The shortest of some runs, of which these are the first: as many as there is time for, up to a few."""
        times = list(took)
        while len(times) < _RUNS and sum(times) < _RUNS_SECONDS:
            times.append(self._timed(feeds)[1])
        return min(times)


def _shape(dimensions: list[int | str | None]) -> Shape:
    return tuple(size if isinstance(size, str) or (isinstance(size, int) and size >= 0) else "" for size in dimensions)


def _without_data(golden: Golden) -> bool:
    return any(not tensor.data and math.prod(tensor.shape) for tensor in golden.request.inputs)


def _array(tensor: RequestInput) -> Array:
    return np.asarray(tensor.data, dtype=dtype_of(tensor.datatype)).reshape(tensor.shape)
