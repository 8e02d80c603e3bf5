"""Whose fault a failed run is: the caller's, where the shapes that it chose fail with values known to be good, too.

A graph says of an open dimension that any size fits. Some sizes do not: as many rows in one input as in the other, or
no more positions than a table of embeddings has. onnxruntime tells these failures in the same words as those of a
broken version, so each is tried.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.errors import RequestError
from penstock_predictor.tensors.datatypes import Array

_Feeds = Mapping[str, Array]


class ShapeTrial:
    """Tries shapes on one model with the values of a request that it answers."""

    def __init__(
        self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], run: Callable[[_Feeds], object]
    ) -> None:
        """`run` raises a RequestError where the model does not answer."""
        self._inputs = {spec.name: spec for spec in inputs}
        self._rows_come_out = all(spec.shape[:1] == (-1,) for spec in outputs)
        self._run = run
        self._good: _Feeds = {}

    def trust(self, feeds: _Feeds) -> None:
        """From now on these are values that are known to be good."""
        self._good = feeds

    def why_callers(self, feeds: _Feeds) -> str:
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

    def _fits_with_rows(self, feeds: _Feeds, rows: Mapping[str, int], least: int) -> bool:
        return self._answers({name: array[:least] if name in rows else array for name, array in feeds.items()})

    def _answers(self, feeds: _Feeds) -> bool:
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
