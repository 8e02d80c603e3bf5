"""Whether who calls the version that serves can go on with another: a comparison of two model cards.

One question decides: would a request that stable answers be answered by the candidate, with the same meaning? The table
in docs/user/gates/preflight.md has a row for each change, and tests/unit/controller/test_compatibility.py has the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from penstock_contracts.model_card import Column, ModelCard, TensorSpec
from penstock_controller.gates.interface_change import InterfaceChange, breaks, harmless, unknown
from penstock_controller.gates.lookup_changes import lookup_changes, newly_looked_up

Shape = tuple[int, ...]

_NUMBERS = frozenset({"int", "float", "null"})
_SENT: Mapping[str, frozenset[str]] = {
    "boolean": frozenset({"bool"}),
    "integer": frozenset({"int"}),
    "long": frozenset({"int"}),
    "float": _NUMBERS,
    "double": _NUMBERS,
    "string": frozenset({"string"}),
}
"""JSON values that `/predict` takes for a column of a type."""
_COLUMN_OF = {"BOOL": "boolean", "BYTES": "string"}
_MATRIX_RANK = 2


def interface_changes(stable: ModelCard, candidate: ModelCard) -> tuple[InterfaceChange, ...]:
    """Every difference that callers could see, inputs first."""
    return (
        *_input_changes(stable, candidate),
        *_output_changes(stable, candidate),
        *_row_changes(stable, candidate),
    )


# Inputs of the Open Inference Protocol: each by its name, of exactly this datatype, none beside them.


def _input_changes(stable: ModelCard, candidate: ModelCard) -> Iterator[InterfaceChange]:
    renamed = _renamed(stable.inputs, candidate.inputs)
    there = {spec.name: spec for spec in candidate.inputs}
    for spec in stable.inputs:
        if spec.name in renamed:
            yield breaks(f"input {spec.name!r} is named {renamed[spec.name]!r} now: requests name the old one")
        elif spec.name not in there:
            yield breaks(f"input {spec.name!r} is gone: requests that have it are refused")
        else:
            yield from _input_change(spec, there[spec.name], stable, candidate)
    known = {spec.name for spec in stable.inputs} | set(renamed.values())
    for spec in candidate.inputs:
        if spec.name not in known:
            shown = f"{spec.datatype} {list(spec.shape)}"
            yield breaks(f"input {spec.name!r} ({shown}) is new: requests without it are refused")


def _renamed(before: Sequence[TensorSpec], after: Sequence[TensorSpec]) -> dict[str, str]:
    """Old name to new one, where one tensor is gone and exactly one of its datatype and shape is new."""
    old, new = {spec.name for spec in before}, {spec.name for spec in after}
    gone = [spec for spec in before if spec.name not in new]
    come = [spec for spec in after if spec.name not in old]
    pairs: dict[str, str] = {}
    for spec in gone:
        alike = [other for other in come if _is_alike(other, spec)]
        rivals = [other for other in gone if _is_alike(other, spec)]
        if len(alike) == len(rivals) == 1:
            pairs[spec.name] = alike[0].name
    return pairs


def _is_alike(one: TensorSpec, other: TensorSpec) -> bool:
    return (one.datatype, one.shape) == (other.datatype, other.shape)


def _input_change(
    before: TensorSpec, after: TensorSpec, stable: ModelCard, candidate: ModelCard
) -> Iterator[InterfaceChange]:
    what = f"input {before.name!r}"
    if after.datatype != before.datatype:
        yield breaks(f"{what} takes {after.datatype}, stable's takes {before.datatype}: requests state the datatype")
    if after.shape == before.shape:
        return
    takes = f"{what} takes shape {list(after.shape)}, stable's takes {list(before.shape)}"
    old, new = _stated(before, _asked(stable)), _stated(after, _asked(candidate))
    if old is None or new is None:
        yield unknown(f"{takes}: of one of them the graph states no rank")
    elif len(old) != len(new):
        yield breaks(f"{takes}: another number of dimensions")
    else:
        yield from _narrower(takes, old, new)


def _narrower(takes: str, old: Shape, new: Shape) -> Iterator[InterfaceChange]:
    narrower = [position for position, (was, now) in enumerate(zip(old, new, strict=True)) if now not in (was, -1)]
    if not narrower:
        yield harmless(f"{takes}: more than before")
    elif narrower[0] == 0 and old[0] == -1:
        yield breaks(f"{takes}: requests of any number of rows but {new[0]} are refused")
    elif old[narrower[0]] == -1:
        yield breaks(f"{takes}: dimension {narrower[0]} was open")
    else:
        yield breaks(f"{takes}: {new[narrower[0]]} values in dimension {narrower[0]}, not {old[narrower[0]]}")


def _stated(spec: TensorSpec, sizes: Mapping[str, Shape]) -> Shape | None:
    """A tensor's shape; None: the graph states no rank. A card has [] for both, and its golden request tells."""
    return None if not spec.shape and sizes.get(spec.name) else spec.shape


def _asked(card: ModelCard) -> dict[str, Shape]:
    return {tensor.name: tensor.shape for tensor in card.golden.request.inputs}


def _answered(card: ModelCard) -> dict[str, Shape]:
    return {tensor.name: tensor.shape for tensor in card.golden.response.outputs}


# Outputs: each by its name. Who asks for none gets all, so one more does no harm.


def _output_changes(stable: ModelCard, candidate: ModelCard) -> Iterator[InterfaceChange]:
    renamed = _renamed(stable.outputs, candidate.outputs)
    there = {spec.name: spec for spec in candidate.outputs}
    for spec in stable.outputs:
        if spec.name in renamed:
            yield breaks(f"output {spec.name!r} is named {renamed[spec.name]!r} now: callers read the old one")
        elif spec.name not in there:
            yield breaks(f"output {spec.name!r} is gone: callers read it")
        else:
            yield from _output_change(spec, there[spec.name], stable, candidate)
    known = {spec.name for spec in stable.outputs} | set(renamed.values())
    for spec in candidate.outputs:
        if spec.name not in known:
            yield harmless(f"output {spec.name!r} is new")


def _output_change(
    before: TensorSpec, after: TensorSpec, stable: ModelCard, candidate: ModelCard
) -> Iterator[InterfaceChange]:
    what = f"output {before.name!r}"
    if after.datatype != before.datatype:
        yield breaks(f"{what} is {after.datatype}, stable's is {before.datatype}")
    answers = f"{what} has shape {list(after.shape)}, stable's has {list(before.shape)}"
    old, new = _stated(before, _answered(stable)), _stated(after, _answered(candidate))
    if old is None or new is None:
        if before.shape != after.shape:
            yield unknown(f"{answers}: of one of them the graph states no rank")
        return
    if len(old) != len(new):
        yield breaks(f"{answers}: another number of dimensions")
        return
    seen = _seen_sizes(before.name, stable, candidate)
    for position, (was, now) in enumerate(zip(old, new, strict=True)):
        yield from _size_change(answers, position, (was, now), seen.get(position))


def _size_change(
    answers: str, position: int, stated: tuple[int, int], seen: tuple[int, int] | None
) -> Iterator[InterfaceChange]:
    """One dimension of an output. `stated`: by the graphs, -1: open. `seen`: in the golden answers, where they tell."""
    was, now = stated
    if -1 not in stated:
        if was != now:
            yield breaks(f"{answers}: {now} values in dimension {position}, not {was}")
        return
    if position == 0 and now != -1:
        yield breaks(f"{answers}: it has {now} rows, however many are sent")
    elif seen is not None:
        if seen[0] != seen[1]:
            told = f"{seen[1]} values in dimension {position} of the golden answer, not {seen[0]}"
            yield breaks(f"{answers}: {told}")
    elif was != now and position > 0:
        yield unknown(f"{answers}: the golden answers do not tell dimension {position}")


def _seen_sizes(output: str, stable: ModelCard, candidate: ModelCard) -> dict[int, tuple[int, int]]:
    """Sizes in both golden answers, by dimension, of those that the requests leave no choice in."""
    asked, also_asked = _asked(stable), _asked(candidate)
    old, new = _answered(stable).get(output), _answered(candidate).get(output)
    tails = {name: shape[1:] for name, shape in asked.items()} == {name: also[1:] for name, also in also_asked.items()}
    if not asked or old is None or new is None or len(old) != len(new) or not tails:
        return {}
    first = 0 if asked == also_asked else 1
    return {position: (old[position], new[position]) for position in range(first, len(old))}


# Rows at `/predict`: by the signature's columns, as objects by name or as lists in their order.


class _RowForm(StrEnum):
    """How `/predict` takes rows."""

    COLUMNS = "rows of named columns"
    VALUES = "rows of values"
    NONE = "no rows"


def _row_form(card: ModelCard) -> _RowForm:
    if card.columns:
        return _RowForm.COLUMNS
    one_matrix = len(card.inputs) == 1 and len(card.inputs[0].shape) == _MATRIX_RANK
    return _RowForm.VALUES if one_matrix else _RowForm.NONE


def _row_changes(stable: ModelCard, candidate: ModelCard) -> Iterator[InterfaceChange]:
    before, after = _row_form(stable), _row_form(candidate)
    if before is _RowForm.NONE:
        return
    if after is _RowForm.NONE:
        yield breaks("the signature names no columns: POST /predict is refused")
        return
    if before is _RowForm.COLUMNS and after is _RowForm.VALUES:
        yield breaks("the signature names no columns: rows of named features are refused at POST /predict")
    elif before is _RowForm.COLUMNS:
        yield from _column_changes(stable, candidate)
        yield from lookup_changes(stable, candidate)
    elif after is _RowForm.COLUMNS:
        yield from _named_at_last(stable.inputs[0], candidate.columns or ())
    was, now = _prediction_form(stable.outputs), _prediction_form(candidate.outputs)
    if was != now:
        yield breaks(f"POST /predict answers {now} for a row, stable {was}")


def _column_changes(stable: ModelCard, candidate: ModelCard) -> Iterator[InterfaceChange]:
    before = {column.name: column for column in stable.columns or ()}
    after = {column.name: column for column in candidate.columns or ()}
    gone = [name for name in before if name not in after]
    come = [name for name in after if name not in before]
    if len(gone) == len(come) == 1 and before[gone[0]].type == after[come[0]].type:
        yield breaks(f"column {gone[0]!r} is named {come[0]!r} now: rows name the old one")
    else:
        for name in gone:
            yield breaks(f"column {name!r} is gone: rows that have it are refused")
        for name in come:
            yield newly_looked_up(name, stable, candidate) or breaks(
                f"column {name!r} ({after[name].type}) is new: {_who_lacks(after[name])} are refused"
            )
    for name in before.keys() & after.keys():
        yield from _column_change(before[name], after[name])
    if not gone and not come and list(before) != list(after):
        moved = next(new for old, new in zip(before, after, strict=True) if old != new)
        yield breaks(f"column {moved!r} has another place: rows that are lists would be read in another order")


def _named_at_last(matrix: TensorSpec, columns: Sequence[Column]) -> Iterator[InterfaceChange]:
    """Rows were lists of what the only input takes; a signature says now what each place may hold."""
    sent = _NUMBERS if matrix.datatype.startswith("FP") else _SENT[_COLUMN_OF.get(matrix.datatype, "long")]
    narrow = next((column for column in columns if not _SENT.get(column.type, frozenset()) >= sent), None)
    if narrow is None:
        yield harmless("the signature names columns now")
    else:
        yield breaks(f"column {narrow.name!r} is {narrow.type}: rows have {matrix.datatype} there today")


def _who_lacks(column: Column) -> str:
    """Who is refused for want of a new column. Only a number can be absent: it is NaN then."""
    optional = not column.required and _SENT.get(column.type) == _NUMBERS
    return "rows that are lists" if optional else "rows without it"


def _column_change(before: Column, after: Column) -> Iterator[InterfaceChange]:
    takes, took = _SENT.get(after.type), _SENT.get(before.type)
    if before.type != after.type:
        told = f"column {before.name!r} is {after.type}, stable's is {before.type}"
        if takes is None or took is None:
            yield unknown(f"{told}: what rows have there is not known")
        elif takes >= took:
            yield harmless(told)
        else:
            yield breaks(f"{told}: values that rows have today are refused")
    if after.required and not before.required and took == _NUMBERS:
        yield breaks(f"column {before.name!r} is required now: rows without it are refused")


_INTEGERS_AND_TEXT = ("BOOL", "INT", "UINT", "BYTES")


def _prediction_form(outputs: Sequence[TensorSpec]) -> str:
    """What `/predict` answers for a row; the predictor decides alike."""
    if len(outputs) == 1:
        return "one prediction"
    labels = [spec for spec in outputs if spec.datatype.startswith(_INTEGERS_AND_TEXT) and _is_one_a_row(spec)]
    scores = [spec for spec in outputs if spec.datatype.startswith("FP") and len(spec.shape) <= _MATRIX_RANK]
    label_and_scores = len(outputs) == 2 and labels and scores  # noqa: PLR2004 - the two of them
    return "a label and its scores" if label_and_scores else "every output by its name"


def _is_one_a_row(spec: TensorSpec) -> bool:
    return len(spec.shape) == 1 or spec.shape[1:] == (1,)
