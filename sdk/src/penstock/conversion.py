"""From a trained model to a graph that is known to answer like it."""

from dataclasses import dataclass

from penstock.errors import AnswersDiffer, ExtraMissing, NotConvertible
from penstock.frameworks.convertible import Convertible
from penstock.graph import Array, OnnxGraph, state_output_shapes
from penstock.parity import ParityResult, compared
from penstock.rows import Rows


@dataclass(frozen=True, kw_only=True)
class AllowedDifference:
    """What differences are let pass."""

    of_number: float
    """See `parity.compared`."""
    of_rows: float
    """Share of the rows that may differ by more."""


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A graph, and how it was proved."""

    graph: OnnxGraph
    parity: ParityResult | None
    """None: the model was a graph already, and there is nothing to compare it with."""
    answers: dict[str, Array]
    """The graph's, to all rows."""


def converted(model: Convertible, rows: Rows, tolerance: AllowedDifference) -> Conversion:
    """Convert in the first way whose answers are the model's own.

    Raises NotConvertible where there is no graph, AnswersDiffer where none answers alike.
    """
    expected = model.answers(rows)
    unlike: list[ParityResult] = []
    failures: list[NotConvertible | ExtraMissing] = []
    for way in model.ways:
        try:
            tried = _tried(model, rows, way, expected, tolerance)
        except (NotConvertible, ExtraMissing) as failure:
            failures.append(failure)
            continue
        if tried.parity is None or tried.parity.share <= tolerance.of_rows:
            return tried
        unlike.append(tried.parity)
    if unlike:
        raise AnswersDiffer(_unlike(model, rows, min(unlike, key=lambda parity: parity.share)))
    first = failures[0]
    raise type(first)(f"{str(first).rstrip('.')}. {model.advice(rows, None)}")


def _tried(
    model: Convertible, rows: Rows, way: str, expected: dict[str, Array] | None, tolerance: AllowedDifference
) -> Conversion:
    graph = OnnxGraph(model.convert(rows, way, tuple(expected or ())))
    answers = graph.answers(rows.feeds(graph.inputs))
    parity = None if expected is None else compared(expected, answers, tolerance.of_number)
    if state_output_shapes(graph.model, answers):
        graph = OnnxGraph(graph.model)
    return Conversion(graph=graph, parity=parity, answers=answers)


def _unlike(model: Convertible, rows: Rows, parity: ParityResult) -> str:
    return (
        f"in ONNX the {model.kind} answers otherwise on {parity.differing} of {parity.rows} rows ({parity.share:.2%}). "
        f"The worst is row {parity.worst_row}: {parity.worst_output} is {parity.got} instead of {parity.expected}, for "
        f"{rows.shown(parity.worst_row)}. Nothing was logged. {model.advice(rows, parity)}"
    )
