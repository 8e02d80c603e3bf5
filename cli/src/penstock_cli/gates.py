"""What a gate said, as it is shown: figures by name, whatever the gate. Only this module reads a gate's fields."""

from dataclasses import dataclass

from penstock_contracts.api.status import Figure, GateResult


@dataclass(frozen=True, kw_only=True)
class FigureView:
    """A number that a gate judges by."""

    name: str
    candidate: float
    stable: float | None
    """None: nothing is compared."""

    def __str__(self) -> str:
        beside = "" if self.stable is None else f" / {_number(self.stable)}"
        return f"{self.name} {_number(self.candidate)}{beside}"


@dataclass(frozen=True, kw_only=True)
class GateView:
    """What a gate said, with the numbers that it judges by."""

    name: str
    stage: str
    verdict: str
    message: str
    figures: tuple[FigureView, ...]

    @property
    def title(self) -> str:
        """The gate and the stage of the attempt."""
        return f"{self.name} ({self.stage})"

    @property
    def figures_text(self) -> str:
        """In one line, all figures that are no part of another one, as `failures: 503` is."""
        return ", ".join(str(figure) for figure in self.figures if ":" not in figure.name)


def gate_view(gate: GateResult) -> GateView:
    """A gate of the status or of a decision record."""
    return GateView(
        name=gate.name,
        stage=gate.stage,
        verdict=gate.verdict,
        message=gate.message,
        figures=tuple(map(_figure, gate.figures)),
    )


def _figure(figure: Figure) -> FigureView:
    return FigureView(name=figure.name, candidate=figure.candidate, stable=figure.stable)


def _number(number: float) -> str:
    """A count in full, a measure in six digits."""
    return str(number) if isinstance(number, int) else f"{number:g}"
