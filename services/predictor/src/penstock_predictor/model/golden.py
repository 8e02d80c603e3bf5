"""The golden request: a request with the answer that onnxruntime gave at ingest.

Its point is to catch wrong bytes, a wrong runtime or a wrong processor before users do, not to measure rounding: on
another processor, or with another number of threads, the same model adds up floats in another order. Hence:

| datatype | relative | absolute |
| --- | --- | --- |
| FP16 | 1e-2 | 1e-3 |
| FP32, FP64 | 1e-3 | 1e-5 |
| all others | equal | equal |

(FP64 as FP32, because graphs with FP64 outputs compute in FP32 inside.) What JSON cannot carry is compared as equal:
NaN and infinities are null in the stored answer.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from penstock_contracts.inference import InferRequest, InferResponse, RequestInput, ResponseOutput
from penstock_contracts.model_card import TensorSpec
from penstock_predictor.errors import DoesNotFit, GoldenMismatch
from penstock_predictor.tensors.codec import output_array
from penstock_predictor.tensors.datatypes import BY_NUMPY, Array


@dataclass(frozen=True)
class Tolerance:
    """Largest difference: absolute + relative * |expected|."""

    relative: float
    absolute: float


_TOLERANCES = {
    "FP16": Tolerance(1e-2, 1e-3),
    "FP32": Tolerance(1e-3, 1e-5),
    "FP64": Tolerance(1e-3, 1e-5),
}


def compare(expected: InferResponse, actual: Mapping[str, Array]) -> None:
    """Raise GoldenMismatch for the first output that is missing, or has another type, shape or value."""
    for output in expected.outputs:
        array = actual.get(output.name)
        if array is None:
            raise GoldenMismatch(f"golden request: output {output.name!r} is missing: got {list(actual)}")
        _compare_output(output, array)


def _compare_output(expected: ResponseOutput, actual: Array) -> None:
    said = f"golden request: output {expected.name!r}"
    datatype = BY_NUMPY[actual.dtype].v2
    if (datatype, actual.shape) != (expected.datatype, expected.shape):
        wanted, got = f"{expected.datatype} {list(expected.shape)}", f"{datatype} {list(actual.shape)}"
        raise GoldenMismatch(f"{said}: expected {wanted}, got {got}")
    try:
        wanted_array = output_array(expected)
    except DoesNotFit as error:
        raise GoldenMismatch(f"{said}: the card's answer cannot be read: {error}") from error
    tolerance = _TOLERANCES.get(datatype)
    wrong = np.argwhere(~equal(wanted_array, actual))
    if len(wrong):
        at = tuple(int(index) for index in wrong[0])
        limit = f" ({tolerance.relative:g} relative, {tolerance.absolute:g} absolute allowed)" if tolerance else ""
        values = f"expected {wanted_array[at]!s}, got {actual[at]!s}"
        raise GoldenMismatch(f"{said} at {list(at)}: {values}{limit}; {len(wrong)} of {actual.size} values differ")


def equal(expected: Array, actual: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Element by element, within the type's tolerance; the arrays have one type and one shape."""
    tolerance = _TOLERANCES.get(BY_NUMPY[actual.dtype].v2)
    if tolerance is None:
        return np.asarray(expected == actual)
    wanted = expected.astype(np.float64)
    got = actual.astype(np.float64)
    wanted[~np.isfinite(wanted)] = np.nan
    got[~np.isfinite(got)] = np.nan
    return np.isclose(got, wanted, rtol=tolerance.relative, atol=tolerance.absolute, equal_nan=True)


def generated_request(inputs: tuple[TensorSpec, ...]) -> InferRequest:
    """Zeros, or empty strings, with 1 for every open dimension: for a model that came without a card."""
    return InferRequest(inputs=tuple(_generated_input(spec) for spec in inputs))


def _generated_input(spec: TensorSpec) -> RequestInput:
    shape = tuple(1 if size == -1 else size for size in spec.shape)
    element: object = {"BYTES": "", "BOOL": False}.get(spec.datatype, 0)
    return RequestInput(name=spec.name, shape=shape, datatype=spec.datatype, data=[element] * math.prod(shape))
