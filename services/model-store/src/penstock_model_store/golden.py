"""The golden request of a version: guessed from its graph where no example is at hand, and the answer to it judged."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from penstock_contracts.base import evolve
from penstock_contracts.inference import InferRequest, RequestInput
from penstock_contracts.model_card import Fill, TensorSpec
from penstock_model_store.errors import GoldenNotFinite, GoldenTooLarge, NondeterministicOutput
from penstock_model_store.tensors import Array, dtype_of, request_input

MAX_ELEMENTS = 20_000
"""Of the golden request and of its answer, as the model card keeps them: the controller reads each card too."""
MOST_GUESSED = 2**25
"""Values of a guessed request: more would not pass a predictor's limit on a request's size either."""
RELATIVE_TOLERANCE = 1e-4
ABSOLUTE_TOLERANCE = 1e-5

_SIZES = (1, 2, 16, 32, 64, 128, 224, 256, 512, 640)
"""Of open dimensions: what images, windows of sound and sequences come in."""
_LARGE_GUESS = 2**22
"""Values beyond which no size of open dimensions is tried: it would cost more than it tells."""

Shape = tuple[int | str, ...]
"""As the graph says: a number, the name of an open dimension, or "" for an open one without a name."""


@dataclass(frozen=True)
class Guess:
    """A request that a model may answer."""

    fill: Fill
    specs: tuple[TensorSpec, ...]
    """The inputs with every dimension chosen."""

    @property
    def size(self) -> int:
        """How many values it has."""
        return sum(_count(spec) for spec in self.specs)

    def feeds(self) -> dict[str, Array]:
        """Its tensors."""
        return {spec.name: filled(spec, self.fill) for spec in self.specs}


def guesses(inputs: Sequence[TensorSpec], shapes: Mapping[str, Shape]) -> Iterator[Guess]:
    """Requests to try, always the same for the same inputs: of one row first, the most telling first.

    Raises GoldenTooLarge when the graph's fixed dimensions alone are beyond what a request may have.
    """
    seen: set[tuple[TensorSpec, ...]] = set()
    for number, choose in enumerate(_choices(shapes)):
        specs = tuple(evolve(spec, shape=choose(spec.name)) for spec in inputs)
        size = sum(_count(spec) for spec in specs)
        if number == 0 and size > MOST_GUESSED:
            raise GoldenTooLarge(
                f"the smallest request of the graph has {size} values, more than {MOST_GUESSED}: no client can send "
                "it; export the model with smaller inputs"
            )
        if specs in seen or (number and size > _LARGE_GUESS):
            continue
        seen.add(specs)
        yield from (Guess(fill, specs) for fill in (Fill.RAMP, Fill.ONES, Fill.ZEROS, Fill.NOISE))


def _choices(shapes: Mapping[str, Shape]) -> Iterator[Callable[[str], tuple[int, ...]]]:
    """Ways to choose open dimensions. Dimensions of one name have one size.

    The first dimension is mostly the row, so it is 1 and the others vary; an open dimension of an input whose first is
    fixed is mostly the row as well (the state of a recurrent net, [layers, rows, units]); or there are no rows at all.
    """
    rows = {shape[0] for shape in shapes.values() if shape and isinstance(shape[0], str) and shape[0]}

    def choice(size: int, row: int, *, states: bool) -> Callable[[str], tuple[int, ...]]:
        def dimension(position: int, value: int | str, *, state: bool) -> int:
            if isinstance(value, int):
                return value
            return row if position == 0 or value in rows or state else size

        def chosen(name: str) -> tuple[int, ...]:
            shape = shapes[name]
            state = states and bool(shape) and isinstance(shape[0], int)
            return tuple(dimension(position, value, state=state) for position, value in enumerate(shape))

        return chosen

    for size in _SIZES:
        yield choice(size, 1, states=False)
        yield choice(size, 1, states=True)
    for size in _SIZES:
        yield choice(size, size, states=False)


def filled(spec: TensorSpec, fill: Fill) -> Array:
    """A tensor as `Fill` defines it."""
    numbers = _numbers(fill, _count(spec))
    values: Array
    if spec.datatype == "BYTES":
        values = np.array([_letters(number) for number in numbers.tolist()], dtype=np.object_)
    elif spec.datatype == "BOOL":
        values = numbers != 0
    elif spec.datatype.startswith("FP"):
        values = _noise(len(numbers)) / 2**32 if fill is Fill.NOISE else numbers / 4
    else:
        values = numbers
    return values.astype(dtype_of(spec.datatype)).reshape(spec.shape)


def _numbers(fill: Fill, count: int) -> Array:
    match fill:
        case Fill.RAMP:
            return np.arange(count) % 3 + 1
        case Fill.NOISE:
            return _noise(count) // 2**30
        case _:
            return np.full(count, 1 if fill is Fill.ONES else 0)


def _noise(count: int) -> Array:
    return (np.arange(count, dtype=np.uint64) * 2654435761 + 12345) % 2**32


def _letters(number: int) -> str:
    return "abc"[:number]


def _count(spec: TensorSpec) -> int:
    return int(np.prod(spec.shape, dtype=np.float64))


def kept_request(specs: Sequence[TensorSpec], feeds: Mapping[str, Array]) -> InferRequest:
    """The request as the card holds it: without data where it is large."""
    large = sum(array.size for array in feeds.values()) > MAX_ELEMENTS
    return InferRequest(
        inputs=tuple(
            RequestInput(name=spec.name, datatype=spec.datatype, shape=feeds[spec.name].shape)
            if large
            else request_input(spec.name, spec.datatype, feeds[spec.name])
            for spec in specs
        )
    )


def stride_of(answer: Mapping[str, Array]) -> int:
    """Every how many values one is kept: 1, or odd, so that it does not walk along one column of a table."""
    least = -(-sum(array.size for array in answer.values()) // MAX_ELEMENTS)
    return max(1, least) | 1


def check_answers(first: dict[str, Array], second: dict[str, Array]) -> None:
    """Judge two answers to the golden request.

    Raises GoldenNotFinite: NaN and infinity have no JSON form, and a model that gives them for its own example is
    broken. Raises NondeterministicOutput: a pod is ready when it answers as the card says, so such a model would
    never be.
    """
    for name, value in first.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise GoldenNotFinite(
                f"output {name} of the golden request is NaN or infinite: log the model with an input example that it "
                "answers with numbers"
            )
        if not _alike(value, second[name]):
            raise NondeterministicOutput(
                f"output {name} differs when the same request is made twice: remove random operators (dropout in "
                "training mode, RandomNormal, Multinomial) and log the model again"
            )


def _alike(first: Array, second: Array) -> bool:
    if first.shape != second.shape:
        return False
    if first.dtype.kind == "f":
        return np.allclose(first, second, rtol=RELATIVE_TOLERANCE, atol=ABSOLUTE_TOLERANCE)
    return np.array_equal(first, second)
