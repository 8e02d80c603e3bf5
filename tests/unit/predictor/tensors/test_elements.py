"""JSON values to numpy: nothing is guessed, nothing is silently rounded to another type."""

import numpy as np
import pytest

from penstock_predictor.errors import DoesNotFit
from penstock_predictor.tensors.arrays import BY_V2
from penstock_predictor.tensors.elements import check_types, convert, json_types


def at(position: int) -> str:
    return f"element {position}"


@pytest.mark.parametrize(
    ("datatype", "values"),
    [
        ("BOOL", [True, False]),
        ("UINT8", [0, 255]),
        ("UINT16", [0, 65535]),
        ("UINT32", [0, 2**32 - 1]),
        ("UINT64", [0, 2**64 - 1]),
        ("INT8", [-128, 127]),
        ("INT16", [-32768, 32767]),
        ("INT32", [-(2**31), 2**31 - 1]),
        ("INT64", [-(2**63), 2**63 - 1]),
        ("FP16", [0.5, -65504]),
        ("FP32", [1, -2.5]),
        ("FP64", [1e308, 2**53]),
        ("BYTES", ["", "née \U0001f600"]),
    ],
)
def test_every_datatype_holds_its_extreme_values(datatype: str, values: list[object]) -> None:
    kind = BY_V2[datatype]
    check_types(values, json_types(kind), at)
    array = convert(values, kind, at)
    assert array.dtype == kind.numpy
    assert array.tolist() == values


@pytest.mark.parametrize(
    ("datatype", "values", "message"),
    [
        ("FP32", [1, "2.5"], "element 1: expected a number or null, got '2.5'"),
        ("FP32", [True], "element 0: expected a number or null, got True"),
        ("INT64", [1, 2, 1.0], "element 2: expected an integer, got 1.0"),
        ("INT64", [None], "element 0: expected an integer, got None"),
        ("INT8", [False], "element 0: expected an integer, got False"),
        ("BOOL", [True, 1], "element 1: expected true or false, got 1"),
        ("BYTES", ["a", 7], "element 1: expected a string, got 7"),
        ("BYTES", [["a"]], "element 0: expected a string, got ['a']"),
    ],
)
def test_a_value_of_another_type_is_named(datatype: str, values: list[object], message: str) -> None:
    with pytest.raises(DoesNotFit) as refusal:
        check_types(values, json_types(BY_V2[datatype]), at)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("datatype", "values", "named"),
    [
        ("UINT8", [0, 256], "element 1: 256 is out of range for UINT8"),
        ("UINT64", [-1], "element 0: -1 is out of range for UINT64"),
        ("INT64", [0, 0, 2**63], "element 2: 9223372036854775808 is out of range for INT64"),
        ("FP64", [0.0, 10**400], "element 1: 1000000000000000000000000000000000000... is out of range for FP64"),
        ("FP32", [None, 1e39], "element 1: 1e+39 is not a finite FP32; write null for a missing value"),
        ("FP16", [70000.0], "element 0: 70000.0 is not a finite FP16; write null for a missing value"),
        ("FP64", [float("nan")], "element 0: nan is not a finite FP64; write null for a missing value"),
        ("FP64", [1.0, float("-inf")], "element 1: -inf is not a finite FP64; write null for a missing value"),
    ],
)
def test_a_value_out_of_range_is_named(datatype: str, values: list[object], named: str) -> None:
    with pytest.raises(DoesNotFit) as refusal:
        convert(values, BY_V2[datatype], at)
    assert str(refusal.value) == named


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64"])
def test_null_in_a_float_tensor_is_a_missing_value(datatype: str) -> None:
    array = convert([1.5, None], BY_V2[datatype], at)
    assert array[0] == 1.5
    assert np.isnan(array[1])
