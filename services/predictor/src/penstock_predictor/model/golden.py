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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from penstock_contracts.inference import InferResponse, RequestInput, ResponseOutput
from penstock_contracts.model_card import Fill, Golden, TensorSpec
from penstock_predictor.errors import BadRequest, CardInvalid, DoesNotFit, GoldenMismatch
from penstock_predictor.tensors.arrays import BY_NUMPY, BY_V2, Array
from penstock_predictor.tensors.codec import decode, decode_tensor, parse


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


_SIZES = (1, 2, 16, 32, 64, 128, 224, 256, 512, 640)
"""Of open dimensions: what images, windows of sound and sequences come in."""
_LARGE_GUESS = 2**22
_STATE_RANK = 3


def golden_feeds(golden: Golden, folder: Path) -> Mapping[str, Array]:
    """The golden request's tensors: from the card, from the file beside it that has them, or made as it says.

    Raises BadRequest, DoesNotFit, and CardInvalid where that file is no request.
    """
    if golden.request_path:
        return read_request(folder / golden.request_path)
    if golden.fill is None:
        return decode(golden.request).feeds
    return {tensor.name: fill_tensor(tensor.datatype, tensor.shape, golden.fill) for tensor in golden.request.inputs}


def read_request(file: Path) -> Mapping[str, Array]:
    """The tensors of a V2 request that lies in a file. Raises DoesNotFit, CardInvalid."""
    try:
        return decode(parse(file.read_bytes())).feeds
    except OSError as error:
        raise CardInvalid(f"{file} cannot be read: {error.strerror}") from error
    except BadRequest as error:
        raise CardInvalid(f"{file} is not a V2 request: {error}") from error


def compare(expected: InferResponse, actual: Mapping[str, Array], stride: int = 1) -> None:
    """Raise GoldenMismatch for the first output that is missing, or has another type, shape or value.

    `expected` has every stride-th value.
    """
    for output in expected.outputs:
        array = actual.get(output.name)
        if array is None:
            raise GoldenMismatch(f"golden request: output {output.name!r} is missing: got {list(actual)}")
        _compare_output(output, array, stride)


def _compare_output(expected: ResponseOutput, actual: Array, stride: int) -> None:
    subject = f"golden request: output {expected.name!r}"
    datatype = BY_NUMPY[actual.dtype].v2
    if (datatype, actual.shape) != (expected.datatype, expected.shape):
        wanted, got = f"{expected.datatype} {list(expected.shape)}", f"{datatype} {list(actual.shape)}"
        raise GoldenMismatch(f"{subject}: expected {wanted}, got {got}")
    try:
        wanted_array = _stored_answer(expected, stride)
    except DoesNotFit as error:
        raise GoldenMismatch(f"{subject}: the card's answer cannot be read: {error}") from error
    tolerance = _TOLERANCES.get(datatype)
    got_array = actual.ravel()[::stride]
    wrong = np.flatnonzero(~are_equal(wanted_array, got_array))
    if len(wrong):
        first = int(wrong[0])
        at = [int(index) for index in np.unravel_index(first * stride, actual.shape)] if actual.shape else []
        limit = f" ({tolerance.relative:g} relative, {tolerance.absolute:g} absolute allowed)" if tolerance else ""
        values = f"expected {wanted_array[first]!s}, got {got_array[first]!s}"
        raise GoldenMismatch(f"{subject} at {at}: {values}{limit}; {len(wrong)} of {got_array.size} values differ")


def _stored_answer(expected: ResponseOutput, stride: int) -> Array:
    """What the card has of an output: every stride-th of its elements."""
    count = -(-math.prod(expected.shape) // stride)
    tensor = RequestInput(name=expected.name, datatype=expected.datatype, shape=(count,), data=expected.data)
    return decode_tensor(tensor)


def are_equal(expected: Array, actual: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Element by element, within the type's tolerance; the arrays have one type and one shape."""
    tolerance = _TOLERANCES.get(BY_NUMPY[actual.dtype].v2)
    if tolerance is None:
        return np.asarray(expected == actual)
    wanted = expected.astype(np.float64)
    got = actual.astype(np.float64)
    wanted[~np.isfinite(wanted)] = np.nan
    got[~np.isfinite(got)] = np.nan
    return np.isclose(got, wanted, rtol=tolerance.relative, atol=tolerance.absolute, equal_nan=True)


def guesses(inputs: tuple[TensorSpec, ...]) -> Iterator[Mapping[str, Array]]:
    """Requests that a model without a card may answer, each fill with 1 for every open dimension, then with more."""
    sizes = _SIZES if any(-1 in spec.shape for spec in inputs) else _SIZES[:1]
    for rows in (1, 0):
        for size in sizes:
            shapes = {spec.name: _guess_shape(spec.shape, rows or size, size) for spec in inputs}
            if size > 1 and sum(math.prod(shape) for shape in shapes.values()) > _LARGE_GUESS:
                continue
            for fill in (Fill.ZEROS, Fill.ONES, Fill.RAMP, Fill.NOISE):
                yield {spec.name: fill_tensor(spec.datatype, shapes[spec.name], fill) for spec in inputs}


def _guess_shape(shape: tuple[int, ...], rows: int, size: int) -> tuple[int, ...]:
    """The first dimension is mostly the row; so is an open one behind a fixed first: [layers, rows, units]."""
    state = bool(shape) and shape[0] != -1 and len(shape) == _STATE_RANK
    return tuple(
        (rows if at == 0 or state else size) if dimension == -1 else dimension for at, dimension in enumerate(shape)
    )


def fill_tensor(datatype: str, shape: tuple[int, ...], fill: Fill) -> Array:
    """A tensor as `Fill` defines it."""
    numbers = _numbers(fill, math.prod(shape))
    dtype = BY_V2[datatype].numpy
    values: Array
    if dtype.kind == "O":
        values = np.array(["abc"[:number] for number in numbers.tolist()], dtype=np.object_)
    elif dtype.kind == "f":
        values = _noise(len(numbers)) / 2**32 if fill is Fill.NOISE else numbers / 4
    elif dtype.kind == "b":
        values = numbers != 0
    else:
        values = numbers
    return values.astype(dtype).reshape(shape)


def _numbers(fill: Fill, count: int) -> np.ndarray[tuple[int], np.dtype[np.integer]]:
    match fill:
        case Fill.RAMP:
            return np.arange(count) % 3 + 1
        case Fill.NOISE:
            return _noise(count) // 2**30
        case _:
            return np.full(count, 1 if fill is Fill.ONES else 0)


def _noise(count: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return (np.arange(count, dtype=np.uint64) * 2654435761 + 12345) % 2**32
