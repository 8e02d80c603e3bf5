"""From a trained model to a graph that is known to answer like it."""

from dataclasses import dataclass

from penstock.errors import AnswersDiffer, NotConvertible
from penstock.frameworks.convertible import Convertible, Precision
from penstock.graph import Array, OnnxGraph
from penstock.parity import Parity, compared
from penstock.rows import Rows


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """What differences are let pass."""

    of_number: float
    """See `parity.compared`."""
    of_rows: float
    """Share of the rows that may differ by more."""


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A graph, and how it was proved."""

    graph: OnnxGraph
    parity: Parity
    answers: dict[str, Array]
    """The graph's, to all rows."""


def converted(model: Convertible, rows: Rows, tolerance: Tolerance) -> Conversion:
    """Convert in the first precision whose answers are the model's own.

    Raises NotConvertible where there is no graph, AnswersDiffer where none answers alike.
    """
    expected = model.answers(rows)
    unlike: list[Parity] = []
    failures: list[NotConvertible] = []
    for precision in model.precisions:
        try:
            tried = _tried(model, rows, precision, expected, tolerance)
        except NotConvertible as failure:
            failures.append(failure)
            continue
        if tried.parity.share <= tolerance.of_rows:
            return tried
        unlike.append(tried.parity)
    if unlike:
        raise AnswersDiffer(_unlike(model, rows, min(unlike, key=lambda parity: parity.share)))
    raise failures[0]


def _tried(
    model: Convertible, rows: Rows, precision: Precision, expected: dict[str, Array], tolerance: Tolerance
) -> Conversion:
    graph = OnnxGraph(model.convert(rows, precision, tuple(expected)))
    answers = graph.answers(rows.feeds(graph.inputs))
    return Conversion(graph=graph, parity=compared(expected, answers, tolerance.of_number), answers=answers)


def _unlike(model: Convertible, rows: Rows, parity: Parity) -> str:
    return (
        f"in ONNX the {model.kind} answers otherwise on {parity.differing} of {parity.rows} rows ({parity.share:.2%}). "
        f"The worst is row {parity.worst_row}: {parity.worst_output} is {parity.got} instead of {parity.expected}, for "
        f"{rows.shown(parity.worst_row)}. Nothing was logged."
    )
