"""The core: arrays in, arrays out. It knows neither HTTP nor JSON; each transport brings its own codec."""

import time
from collections.abc import Callable, Mapping

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.columns import ColumnPlan
from penstock_predictor.datatypes import BY_NUMPY, Array
from penstock_predictor.errors import BadRequest
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.session import OnnxSession


class Model:
    """A loaded model under its name. Thread-safe."""

    def __init__(
        self,
        identity: ModelIdentity,
        session: OnnxSession,
        columns: ColumnPlan,
        observe_seconds: Callable[[float], object],
    ) -> None:
        self.identity = identity
        self.columns = columns
        self.inputs = session.inputs
        self.outputs = session.outputs
        self.example = b""
        """The answer of `GET /example`, made once it has proved itself."""
        self._session = session
        self._observe_seconds = observe_seconds
        self._output_names = tuple(spec.name for spec in session.outputs)

    def infer(self, feeds: Mapping[str, Array], outputs: tuple[str, ...] | None = None) -> dict[str, Array]:
        """Compute the named outputs, all by default, in the order asked for.

        Raises BadRequest for a tensor that is missing, unknown or of another type or shape than the graph's, and for an
        unknown output; InferenceFailed when onnxruntime fails.
        """
        check_feeds(self.inputs, feeds)
        names = self._output_names if outputs is None else self._checked(outputs)
        started = time.perf_counter()
        arrays = self._session.run(feeds, names)
        self._observe_seconds(time.perf_counter() - started)
        return dict(zip(names, arrays, strict=True))

    def _checked(self, outputs: tuple[str, ...]) -> tuple[str, ...]:
        for name in outputs:
            if name not in self._output_names:
                raise BadRequest(f"unknown output {name!r}: this model has {list(self._output_names)}")
        return tuple(dict.fromkeys(outputs))


def check_feeds(specs: tuple[TensorSpec, ...], feeds: Mapping[str, Array]) -> None:
    """Raise BadRequest unless there is exactly one fitting tensor for each input of the graph."""
    names = [spec.name for spec in specs]
    unknown = [name for name in feeds if name not in names]
    if unknown:
        raise BadRequest(f"unknown input {unknown[0]!r}: this model takes {names}")
    for spec in specs:
        array = feeds.get(spec.name)
        if array is None:
            raise BadRequest(f"input {spec.name!r} is missing: this model takes {names}")
        _check_tensor(spec, array)


def _check_tensor(spec: TensorSpec, array: Array) -> None:
    datatype = BY_NUMPY[array.dtype].v2
    if datatype != spec.datatype:
        raise BadRequest(f"input {spec.name!r}: this model takes {spec.datatype}, the request says {datatype}")
    if not fits(array.shape, spec.shape):
        expected, got = list(spec.shape), list(array.shape)
        raise BadRequest(f"input {spec.name!r}: expected shape {expected} (-1: any size), got {got}")


def fits(shape: tuple[int, ...], pattern: tuple[int, ...]) -> bool:
    """Whether a shape has the pattern's rank and its fixed dimensions."""
    return len(shape) == len(pattern) and all(want in (-1, have) for have, want in zip(shape, pattern, strict=True))
