"""What a change of inputs, outputs or signature does to callers: the table in docs/user/gates/preflight.md."""

from dataclasses import dataclass

import pytest

from penstock_contracts.base import evolve
from penstock_contracts.features import FeatureLookup
from penstock_contracts.model_card import Column, ModelCard
from penstock_controller.gates.compatibility import interface_changes
from penstock_controller.gates.interface_change import ChangeEffect
from penstock_testing.model_cards import Tensor, X, Y, a_card

BREAKS, HARMLESS, UNKNOWN = ChangeEffect.BREAKS, ChangeEffect.HARMLESS, ChangeEffect.UNKNOWN
LABEL, SCORES = ("label", "INT64", (-1,)), ("scores", "FP32", (-1, 2))


def named(*columns: str | Column) -> tuple[Column, ...]:
    return tuple(one if isinstance(one, Column) else Column(name=one, type="double") for one in columns)


def rows(*columns: str | Column) -> ModelCard:
    """One matrix that holds the columns."""
    return a_card([("x", "FP32", (-1, len(columns)))], columns=named(*columns))


def apart(*columns: str | Column) -> ModelCard:
    """An input for each of the first two columns; the graph does not use the others."""
    inputs: list[Tensor] = [("a", "FP32", (-1, 1)), ("b", "FP32", (-1, 1))]
    return a_card(inputs, columns=named(*columns))


def takes(*inputs: Tensor) -> ModelCard:
    return a_card(list(inputs))


def looks_up(
    of: ModelCard, *names: str, keys: str = "user", on_missing: str = "null", kind: str = "string"
) -> ModelCard:
    """The card with these columns looked up. `keys`: with commas between them."""
    columns = {name: {"feature": f"v:{name}", "onMissing": on_missing} for name in names}
    entities = dict.fromkeys(keys.split(","), kind)
    return evolve(of, features=FeatureLookup.model_validate({"entities": entities, "columns": columns}))


def answers(*outputs: Tensor, **sizes: tuple[int, ...]) -> ModelCard:
    """Of two inputs, so that `/predict` is none of it."""
    return a_card([X, ("z", "FP32", (-1,))], list(outputs), sizes=dict(sizes))


def text(name: str, *, required: bool = True) -> Column:
    return Column(name=name, type="string", required=required)


def number(name: str, of: str = "double", *, required: bool = True) -> Column:
    return Column(name=name, type=of, required=required)


@dataclass(frozen=True)
class Row:
    change: str
    stable: ModelCard
    candidate: ModelCard
    effect: ChangeEffect | None
    """The worst of all differences; None: there is none."""
    says: str = ""


TABLE = (
    Row("nothing", a_card(), a_card(), None),
    # Inputs.
    Row("input: renamed", takes(X), takes(("features", "FP32", (-1, 3))), BREAKS, "'x' is named 'features' now"),
    Row("input: gone", takes(X, ("z", "INT64", (-1, 1))), takes(X), BREAKS, "'z' is gone"),
    Row("input: new", takes(X), takes(X, ("z", "INT64", (-1, 1))), BREAKS, "'z' (INT64 [-1, 1]) is new"),
    Row("input: in another order", takes(X, ("z", "FP32", (-1,))), takes(("z", "FP32", (-1,)), X), None),
    Row("input: wider datatype", takes(X), takes(("x", "FP64", (-1, 3))), BREAKS, "takes FP64, stable's takes FP32"),
    Row("input: narrower datatype", takes(X), takes(("x", "FP16", (-1, 3))), BREAKS, "takes FP16"),
    Row("input: rows fixed", takes(X), takes(("x", "FP32", (1, 3))), BREAKS, "any number of rows but 1"),
    Row("input: rows opened", takes(("x", "FP32", (1, 3))), takes(X), HARMLESS, "more than before"),
    Row("input: more columns", takes(X), takes(("x", "FP32", (-1, 4))), BREAKS, "4 values in dimension 1, not 3"),
    Row("input: fewer columns", takes(X), takes(("x", "FP32", (-1, 2))), BREAKS, "2 values in dimension 1, not 3"),
    Row("input: columns opened", takes(X), takes(("x", "FP32", (-1, -1))), HARMLESS),
    Row("input: columns fixed", takes(("x", "FP32", (-1, -1))), takes(X), BREAKS, "dimension 1 was open"),
    Row("input: another rank", takes(X), takes(("x", "FP32", (-1, 3, 1))), BREAKS, "number of dimensions"),
    Row(
        "input: no rank stated any more",
        takes(X, ("z", "FP32", (-1,))),
        a_card([("x", "FP32", ()), ("z", "FP32", (-1,))], sizes={"x": (1, 3)}),
        UNKNOWN,
        "states no rank",
    ),
    Row("input: one number as before", takes(X, ("k", "FP32", ())), takes(X, ("k", "FP32", ())), None),
    # Outputs.
    Row("output: renamed", answers(Y), answers(("score", "FP32", (-1, 1))), BREAKS, "'y' is named 'score' now"),
    Row("output: gone", answers(Y, SCORES), answers(Y), BREAKS, "'scores' is gone"),
    Row("output: new, at /v2 alone", answers(Y), answers(Y, SCORES), HARMLESS, "'scores' is new"),
    Row("output: in another order", answers(Y, SCORES), answers(SCORES, Y), None),
    Row("output: another datatype", answers(Y), answers(("y", "FP64", (-1, 1))), BREAKS, "is FP64, stable's is FP32"),
    Row("output: labels as text", answers(LABEL), answers(("label", "BYTES", (-1,))), BREAKS, "is BYTES"),
    Row("output: a class more", answers(SCORES), answers(("scores", "FP32", (-1, 3))), BREAKS, "3 values in dimension"),
    Row(
        "output: a class more, by the golden answers",
        answers(("scores", "FP32", (-1, -1)), scores=(1, 2)),
        answers(("scores", "FP32", (-1, -1)), scores=(1, 3)),
        BREAKS,
        "3 values in dimension 1 of the golden answer, not 2",
    ),
    Row(
        "output: classes open now, as many in the golden answers",
        answers(SCORES),
        answers(("scores", "FP32", (-1, -1)), scores=(1, 2)),
        None,
    ),
    Row(
        "output: classes open now, asked otherwise",
        a_card([("x", "FP32", (-1, -1)), ("z", "FP32", (-1,))], [SCORES], sizes={"x": (1, 5)}),
        a_card(
            [("x", "FP32", (-1, -1)), ("z", "FP32", (-1,))],
            [("scores", "FP32", (-1, -1))],
            sizes={"x": (1, 9), "scores": (1, 2)},
        ),
        UNKNOWN,
        "do not tell dimension 1",
    ),
    Row("output: one row for all", answers(Y), answers(("y", "FP32", (1, 1))), BREAKS, "1 rows, however many are sent"),
    Row("output: another rank", answers(Y), answers(("y", "FP32", (-1,))), BREAKS, "number of dimensions"),
    # Rows at /predict.
    Row("columns: in another order", rows("a", "b"), rows("b", "a"), BREAKS, "'b' has another place"),
    Row("columns: in another order, an input each", apart("a", "b"), apart("b", "a"), BREAKS, "another place"),
    Row("columns: renamed", apart("a", "b", "c"), apart("a", "b", "d"), BREAKS, "column 'c' is named 'd' now"),
    Row("columns: gone", apart("a", "b", "c"), apart("a", "b"), BREAKS, "column 'c' is gone"),
    Row("columns: new", apart("a", "b"), apart("a", "b", text("c")), BREAKS, "rows without it are refused"),
    Row(
        "columns: new, a number that may be absent",
        apart("a", "b"),
        apart("a", "b", number("c", required=False)),
        BREAKS,
        "rows that are lists are refused",
    ),
    Row(
        "columns: new, a text that cannot be absent",
        apart("a", "b"),
        apart("a", "b", text("c", required=False)),
        BREAKS,
        "rows without it are refused",
    ),
    Row("columns: integers become numbers", rows(number("a", "long"), "b"), rows("a", "b"), HARMLESS, "is double"),
    Row("columns: numbers become integers", rows("a", "b"), rows(number("a", "long"), "b"), BREAKS, "a' is long"),
    Row("columns: float for double", rows("a", "b"), rows(number("a", "float"), "b"), HARMLESS),
    Row("columns: text for a number", apart("a", "b", "c"), apart("a", "b", text("c")), BREAKS, "'c' is string"),
    Row("columns: a date", apart("a", "b", "c"), apart("a", "b", number("c", "datetime")), UNKNOWN, "not known"),
    Row(
        "columns: required now",
        rows("a", number("b", required=False)),
        rows("a", "b"),
        BREAKS,
        "column 'b' is required now",
    ),
    Row("columns: optional now", rows("a", "b"), rows("a", number("b", required=False)), None),
    # What is looked up.
    Row("look-up: as before", looks_up(rows("a", "b"), "b"), looks_up(rows("a", "b"), "b"), None),
    Row(
        "look-up: where there was none", rows("a", "b"), looks_up(rows("a", "b"), "b"), HARMLESS, "['b'] are looked up"
    ),
    Row(
        "look-up: none any more", looks_up(rows("a", "b"), "b"), rows("a", "b"), BREAKS, "'b' is not looked up any more"
    ),
    Row(
        "look-up: of fewer columns",
        looks_up(rows("a", "b"), "a", "b"),
        looks_up(rows("a", "b"), "b"),
        BREAKS,
        "'a' is not looked up any more",
    ),
    Row("look-up: of more columns", looks_up(rows("a", "b"), "b"), looks_up(rows("a", "b"), "a", "b"), None),
    Row(
        "look-up: another default",
        looks_up(rows("a", "b"), "b", on_missing="default"),
        looks_up(rows("a", "b"), "b", on_missing="null"),
        None,
    ),
    Row(
        "look-up: refuses where a default stood in",
        looks_up(rows("a", "b"), "b"),
        looks_up(rows("a", "b"), "b", on_missing="reject"),
        BREAKS,
        "'b' refuses rows for which the store has no value",
    ),
    Row(
        "look-up: by one more key",
        looks_up(rows("a", "b"), "b"),
        looks_up(rows("a", "b"), "b", keys="user,card"),
        BREAKS,
        "key 'card' is new",
    ),
    Row(
        "look-up: by one key less",
        looks_up(rows("a", "b"), "b", keys="user,card"),
        looks_up(rows("a", "b"), "b"),
        BREAKS,
        "'card' is no key any more",
    ),
    Row(
        "look-up: by a key of another type",
        looks_up(rows("a", "b"), "b"),
        looks_up(rows("a", "b"), "b", kind="integer"),
        BREAKS,
        "key 'user' is integer, stable's is string",
    ),
    Row(
        "look-up: of a new column, by keys that rows give already",
        looks_up(apart("a", "b"), "b"),
        looks_up(apart("a", "b", "c"), "b", "c"),
        UNKNOWN,
        "'c' is new, and looked up by ['user']",
    ),
    Row(
        "look-up: of a new column, by a new key",
        looks_up(apart("a", "b"), "b"),
        looks_up(apart("a", "b", "c"), "b", "c", keys="user,card"),
        BREAKS,
        "column 'c' (double) is new",
    ),
    Row("signature: none any more", rows("a", "b"), a_card([("x", "FP32", (-1, 2))]), BREAKS, "names no columns"),
    Row(
        "signature: none any more, two inputs",
        apart("a", "b"),
        a_card([("a", "FP32", (-1, 1)), ("b", "FP32", (-1, 1))]),
        BREAKS,
        "refused",
    ),
    Row("signature: there now", a_card([("x", "FP32", (-1, 2))]), rows("a", "b"), HARMLESS, "names columns now"),
    Row(
        "signature: there now, of integers",
        a_card([("x", "FP32", (-1, 2))]),
        rows("a", number("b", "long")),
        BREAKS,
        "column 'b' is long: rows have FP32 there today",
    ),
    Row(
        "signature: there now, where /predict was refused",
        a_card([("a", "FP32", (-1, 1)), ("b", "FP32", (-1, 1))]),
        apart("a", "b"),
        None,
    ),
    Row(
        "output: new, so that /predict answers in another form",
        a_card(outputs=[Y]),
        a_card(outputs=[Y, ("extra", "FP32", (-1, 1))]),
        BREAKS,
        "every output by its name for a row, stable one prediction",
    ),
)


def worst(stable: ModelCard, candidate: ModelCard) -> ChangeEffect | None:
    found = {change.effect for change in interface_changes(stable, candidate)}
    return next((effect for effect in (BREAKS, UNKNOWN, HARMLESS) if effect in found), None)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.change)
def test_a_change_does_to_callers_what_the_table_says(row: Row) -> None:
    assert worst(row.stable, row.candidate) is row.effect
    messages = "\n".join(change.message for change in interface_changes(row.stable, row.candidate))
    assert row.says in messages
