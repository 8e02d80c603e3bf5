import json

import pytest

from penstock_contracts.model_card import Column, TensorSpec
from penstock_model_store.canonical import canonical_signature
from penstock_model_store.errors import BadMetadata, SignatureMismatch
from penstock_model_store.signature import columns_of

MATRIX = (TensorSpec(name="x", datatype="FP32", shape=(-1, 2)),)
NAMED = (
    TensorSpec(name="amount", datatype="FP32", shape=(-1, 1)),
    TensorSpec(name="country", datatype="BYTES", shape=(-1, 1)),
)


def column(name: str, kind: str, **more: object) -> dict[str, object]:
    return {"name": name, "type": kind, **more}


def test_columns_of_a_matrix_keep_their_order_and_types() -> None:
    text = json.dumps([column("b", "double", required=True), column("a", "long", required=False)])

    assert columns_of(text, MATRIX) == (
        Column(name="b", type="double", required=True),
        Column(name="a", type="long", required=False),
    )


def test_columns_may_be_inputs_of_their_own_and_more_than_the_graph_uses() -> None:
    text = json.dumps([column("country", "string"), column("amount", "double"), column("unused", "string")])

    assert [found.name for found in columns_of(text, NAMED) or ()] == ["country", "amount", "unused"]


@pytest.mark.parametrize(
    "text",
    [
        None,
        "[]",
        json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}]),
        json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}, "name": "x"}]),
        json.dumps([{"type": "double"}, {"type": "double"}]),
    ],
    ids=["no signature", "no inputs", "unnamed tensor", "named tensor", "unnamed columns"],
)
def test_without_named_columns_there_are_none(text: str | None) -> None:
    assert columns_of(text, MATRIX) is None


@pytest.mark.parametrize(
    ("entries", "inputs", "said"),
    [
        ([column("a", "double")], MATRIX, "1 columns, input x of the graph takes 2"),
        ([column("a", "double"), column("a", "double")], MATRIX, "names a column twice"),
        ([column("a", "double"), column("b", "string")], MATRIX, "column b .* type string"),
        ([column("a", "double"), column("b", "datetime")], MATRIX, "column b .* type datetime"),
        ([column("amount", "double")], NAMED, "the graph's inputs amount, country"),
        ([column("amount", "string"), column("country", "string")], NAMED, "column amount"),
        ([column("amount", "double"), column("country", "long")], NAMED, "column country"),
        ([{"type": "tensor", "name": "y"}], MATRIX, "1 tensors y, the graph's inputs are x"),
        ([{"type": "tensor"}, {"type": "tensor"}], MATRIX, "describes 2 tensors"),
    ],
)
def test_a_signature_that_the_graph_does_not_fit_is_refused(
    entries: list[object], inputs: tuple[TensorSpec, ...], said: str
) -> None:
    with pytest.raises(SignatureMismatch, match=said):
        columns_of(json.dumps(entries), inputs)


@pytest.mark.parametrize("text", ["{", '{"a": 1}', "[1]", "[" * 100_000])
def test_what_is_no_signature_is_bad_metadata(text: str) -> None:
    with pytest.raises(BadMetadata):
        columns_of(text, MATRIX)


def test_the_canonical_form_has_exactly_these_bytes() -> None:
    columns = (Column(name="größe", type="double"), Column(name="a", type="string", required=False))

    assert (
        canonical_signature(columns)
        == (
            '{"columns":[{"name":"größe","required":true,"type":"double"},'
            '{"name":"a","required":false,"type":"string"}]}\n'
        ).encode()
    )


IRIS = tuple(
    TensorSpec(name=name, datatype="FP32", shape=(-1, 1)) for name in ("sepal_length__cm_", "sepal_width__cm_")
)


def test_names_that_the_converter_changed_are_found_behind_it() -> None:
    text = json.dumps([column("sepal width (cm)", "double"), column("sepal length (cm)", "double")])

    found = columns_of(text, IRIS) or ()

    assert [(one.name, one.input) for one in found] == [
        ("sepal width (cm)", "sepal_width__cm_"),
        ("sepal length (cm)", "sepal_length__cm_"),
    ]


@pytest.mark.parametrize("names", [("length", "width"), ("sepal length (cm)", "sepal-length-cm", "sepal width cm")])
def test_names_that_could_be_anything_are_refused_with_the_line_to_write(names: tuple[str, ...]) -> None:
    text = json.dumps([column(name, "double") for name in names])

    with pytest.raises(SignatureMismatch, match=r"set_axis\(\['sepal_length__cm_', 'sepal_width__cm_'\], axis=1\)"):
        columns_of(text, IRIS)


def test_a_date_that_the_graph_does_not_use_is_no_mismatch() -> None:
    text = json.dumps([column("amount", "double"), column("country", "string"), column("when", "datetime")])

    assert [found.type for found in columns_of(text, NAMED) or ()] == ["double", "string", "datetime"]
