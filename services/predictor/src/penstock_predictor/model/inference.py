"""The core: arrays in, arrays out. It knows neither HTTP nor JSON; each transport brings its own codec."""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.errors import DoesNotFit, InferenceFailed, RequestError
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.model.columns import ColumnPlan
from penstock_predictor.model.session import OnnxSession
from penstock_predictor.tensors.arrays import BY_NUMPY, BY_V2, Array, fits

Feeds = Mapping[str, Array]
"""Input name to its tensor."""
_CLOSE = 1e-3
"""What probabilities in float32, or float16, may be off."""
_LONG = 0.5
"""Seconds of a failed run after which nobody waits to hear whose fault it was."""


class ServedModel:
    """A loaded model under its name. Thread-safe."""

    def __init__(
        self, identity: ModelIdentity, session: OnnxSession, columns: ColumnPlan, *, max_output_bytes: int
    ) -> None:
        self.identity = identity
        self.columns = columns
        self.inputs = session.inputs
        self.outputs = session.outputs
        self.output_names = tuple(spec.name for spec in session.outputs)
        self._session = session
        self._max_output_bytes = max_output_bytes
        self._shapes = ShapeTrial(self.inputs, self.outputs, lambda feeds: session.run(feeds, self.output_names))

        self.probabilities: frozenset[str] = frozenset()
        """Outputs whose rows are probabilities, by what the model answered to the request that it is trusted with."""

    def trust(self, feeds: Feeds, answer: Mapping[str, Array]) -> None:
        """The model gave this answer: where it fails on another request, these values tell whose fault that is."""
        self._shapes.trust(feeds)
        self.probabilities = frozenset(name for name, array in answer.items() if are_probabilities(array))

    def infer(self, feeds: Feeds, outputs: tuple[str, ...] | None = None) -> dict[str, Array]:
        """Check and compute the named outputs, all by default, in the order asked for.

        Raises DoesNotFit for a tensor that is missing, unknown or of another type or shape than the graph's, and for
        an unknown output; InferenceFailed when onnxruntime fails.
        """
        names = self.check(feeds, outputs)
        return dict(zip(names, self.run(feeds, names), strict=True))

    def check(self, feeds: Feeds, outputs: tuple[str, ...] | None) -> tuple[str, ...]:
        """The outputs to compute, for feeds that fit the graph. Raises DoesNotFit."""
        check_feeds(self.inputs, feeds)
        return self.output_names if outputs is None else self._check_outputs(outputs)

    def run(self, feeds: Feeds, outputs: Sequence[str]) -> list[Array]:
        """Compute outputs of feeds that were checked.

        Raises DoesNotFit for values that onnxruntime calls invalid, for shapes that the model answers nobody for, and
        for an answer beyond the limit; InferenceFailed for every other failure.
        """
        started = time.perf_counter()
        try:
            arrays = self._session.run(feeds, outputs)
        except InferenceFailed as error:
            why = "" if time.perf_counter() - started > _LONG else self._shapes.why_callers(feeds)
            if why:
                raise DoesNotFit(f"the model refuses this request: {why} ({error})") from error
            raise
        size = sum(array.nbytes for array in arrays)
        if size > self._max_output_bytes:
            raise DoesNotFit(
                f"the answer has {size} bytes, the limit is {self._max_output_bytes}: "
                "send fewer rows, or ask for fewer outputs"
            )
        return arrays

    def _check_outputs(self, outputs: tuple[str, ...]) -> tuple[str, ...]:
        for name in outputs:
            if name not in self.output_names:
                raise DoesNotFit(f"unknown output {name!r}: this model has {list(self.output_names)}")
        return tuple(dict.fromkeys(outputs))


def are_probabilities(array: Array) -> bool:
    """Whether each row, of one number a class, lies in [0, 1] and adds up to 1: distances and scores do not."""
    if array.ndim != 2 or array.size == 0 or array.dtype.kind != "f":  # noqa: PLR2004 - rows and classes
        return False
    numbers = array.astype(np.float64)
    within = (numbers >= 0) & (numbers <= 1 + _CLOSE)
    return bool(within.all() and (np.abs(numbers.sum(axis=1) - 1) <= _CLOSE).all())


def check_types(specs: tuple[TensorSpec, ...], datatypes: Mapping[str, str]) -> None:
    """Raise DoesNotFit for an input that is unknown or of another type, before anything is read of it.

    `datatypes`: input name to what the request says of it. What is missing, and shapes, `check_feeds` sees.
    """
    known = {spec.name: spec for spec in specs}
    for name, datatype in datatypes.items():
        if name not in known:
            raise _unknown(name, specs)
        if datatype in BY_V2:
            _check_type(known[name], datatype)


def check_feeds(specs: tuple[TensorSpec, ...], feeds: Feeds) -> None:
    """Raise DoesNotFit unless there is exactly one fitting tensor for each input of the graph."""
    names = [spec.name for spec in specs]
    unknown = [name for name in feeds if name not in names]
    if unknown:
        raise _unknown(unknown[0], specs)
    for spec in specs:
        array = feeds.get(spec.name)
        if array is None:
            raise DoesNotFit(f"input {spec.name!r} is missing: this model takes {names}")
        _check_tensor(spec, array)


def _check_tensor(spec: TensorSpec, array: Array) -> None:
    _check_type(spec, BY_NUMPY[array.dtype].v2)
    if not fits(array.shape, spec.shape):
        expected, got = list(spec.shape), list(array.shape)
        raise DoesNotFit(f"input {spec.name!r}: expected shape {expected} (-1: any size), got {got}")


def _check_type(spec: TensorSpec, datatype: str) -> None:
    if datatype != spec.datatype:
        raise DoesNotFit(f"input {spec.name!r}: this model takes {spec.datatype}, the request says {datatype}")


def _unknown(name: str, specs: tuple[TensorSpec, ...]) -> DoesNotFit:
    return DoesNotFit(f"unknown input {name!r}: this model takes {[spec.name for spec in specs]}")


class ShapeTrial:
    """Whose fault a failed run is: the caller's, where the shapes that it chose fail with values known to be good, too.

    A graph says of an open dimension that any size fits. Some sizes do not: as many rows in one input as in the other,
    or no more positions than a table of embeddings has. onnxruntime tells these failures in the same words as those of
    a broken version, so each is tried.
    """

    def __init__(
        self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], run: Callable[[Feeds], object]
    ) -> None:
        """`run` raises a RequestError where the model does not answer."""
        self._inputs = {spec.name: spec for spec in inputs}
        self._rows_come_out = all(spec.shape[:1] == (-1,) for spec in outputs)
        self._run = run
        self._good: Feeds = {}

    def trust(self, feeds: Feeds) -> None:
        """From now on these are values that are known to be good."""
        self._good = feeds

    def why_callers(self, feeds: Feeds) -> str:
        """What is wrong with the shapes of feeds that the model failed on; empty: nothing that can be shown."""
        rows = {name: len(array) for name, array in feeds.items() if self._inputs[name].shape[:1] == (-1,)}
        if len(set(rows.values())) > 1 and self._fits_with_rows(feeds, rows, min(rows.values())):
            return f"its inputs have different numbers of rows, {rows}: send as many of each"
        if not self._good or all(array.shape == self._good[name].shape for name, array in feeds.items()):
            return ""
        if self._answers({name: _of_shape(self._good[name], array.shape) for name, array in feeds.items()}):
            return ""
        # A version that fails on a second row is broken: a graph whose answers have a row for each takes any number.
        fewer = {
            name: (len(self._good[name]), *array.shape[1:]) if name in rows else array.shape
            for name, array in feeds.items()
        }
        if self._rows_come_out and self._answers({name: _of_shape(self._good[name], fewer[name]) for name in feeds}):
            return ""
        return f"it answers no input of the shapes { ({name: list(array.shape) for name, array in feeds.items()}) }"

    def _fits_with_rows(self, feeds: Feeds, rows: Mapping[str, int], least: int) -> bool:
        return self._answers({name: array[:least] if name in rows else array for name, array in feeds.items()})

    def _answers(self, feeds: Feeds) -> bool:
        try:
            self._run(feeds)
        except RequestError:
            return False
        return True


def _of_shape(array: Array, shape: tuple[int, ...]) -> Array:
    """Its values again and again, until the shape is full."""
    if array.size == 0:
        return np.zeros(shape, dtype=array.dtype)
    resized: Array = np.resize(array, shape)
    return resized
