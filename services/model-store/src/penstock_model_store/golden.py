"""The golden request of a version: made from its graph where no example is at hand, and the answer to it judged."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from penstock_contracts.inference import InferRequest, RequestInput
from penstock_contracts.model_card import TensorSpec
from penstock_model_store.errors import GoldenNotFinite, GoldenTooLarge, NondeterministicOutput
from penstock_model_store.tensors import Array, dtype_of, request_input

MAX_ELEMENTS = 200_000
"""Of the golden request and of its answer: both are kept in the model card."""
RELATIVE_TOLERANCE = 1e-4
ABSOLUTE_TOLERANCE = 1e-5


def generated_requests(inputs: Sequence[TensorSpec]) -> Iterator[InferRequest]:
    """Requests of one row, always the same for the same inputs, the most telling first.

    Raises GoldenTooLarge when the graph's fixed dimensions make them too large to keep.
    """
    sizes = {spec.name: int(np.prod([1 if size < 0 else size for size in spec.shape])) for spec in inputs}
    check_elements(sum(sizes.values()), "the smallest request of the graph")
    for fill in (_ramp, np.ones_like, np.zeros_like):
        yield InferRequest(inputs=tuple(_generated(spec, fill) for spec in inputs))


def check_elements(count: int, what: str) -> None:
    """Raise GoldenTooLarge beyond MAX_ELEMENTS."""
    if count > MAX_ELEMENTS:
        raise GoldenTooLarge(
            f"{what} has {count} values, more than {MAX_ELEMENTS}: log the model with a smaller input example"
        )


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


def _generated(spec: TensorSpec, fill: Callable[[Array], Array]) -> RequestInput:
    template = np.zeros([1 if size < 0 else size for size in spec.shape], dtype=np.int64)
    values = fill(template)
    if spec.datatype == "BYTES":
        array = np.vectorize(lambda value: "abc"[: int(value)], otypes=[np.object_])(values)
    elif spec.datatype.startswith("FP"):
        array = (values / 4).astype(dtype_of(spec.datatype))
    else:
        array = values.astype(dtype_of(spec.datatype))
    return request_input(spec.name, spec.datatype, array)


def _ramp(template: Array) -> Array:
    return (np.arange(template.size) % 3 + 1).reshape(template.shape)
