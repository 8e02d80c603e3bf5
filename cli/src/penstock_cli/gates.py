"""What a gate said, as it is shown: figures by name, whatever the gate. Only this module reads a gate's fields."""

from dataclasses import dataclass

from penstock_contracts.api.status import Bound, Figure, GateResult, bounds_of


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
class BoundView:
    """A number that a gate's verdict hangs on."""

    name: str
    decides: str
    """The verdict that it speaks for where it reaches the limit."""
    value: float | None
    """None: not known yet."""
    limit: float
    reached: float
    """How much of the way to the limit it has come, from 0 to 1."""
    error_level: float | None
    """Probability that it gets there by chance; None: no test of statistics."""

    @property
    def standing(self) -> str:
        """Where it is, and where it decides."""
        return f"{'?' if self.value is None else _number(self.value)}, {self.decides} at {_number(self.limit)}"

    def __str__(self) -> str:
        level = f", error level {100 * self.error_level:.3g} %" if self.error_level else ""
        return f"{self.name} {self.standing}{level}"


@dataclass(frozen=True, kw_only=True)
class GateView:
    """What a gate said, with the numbers that it judges by."""

    name: str
    stage: str
    verdict: str
    message: str
    figures: tuple[FigureView, ...]
    bounds: tuple[BoundView, ...] = ()
    query: str = ""
    """What was asked of a service outside."""
    config: str = ""
    """What its test depended on."""

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
        bounds=tuple(map(_bound, bounds_of(gate))),
        query=gate.query,
        config=gate.config,
    )


def _figure(figure: Figure) -> FigureView:
    return FigureView(name=figure.name, candidate=figure.candidate, stable=figure.stable)


def _bound(bound: Bound) -> BoundView:
    return BoundView(
        name=bound.name,
        decides=bound.decides.value,
        value=bound.value,
        limit=bound.limit,
        reached=bound.reached,
        error_level=bound.error_level,
    )


def _number(number: float) -> str:
    """A count in full, a measure in six digits."""
    return str(number) if isinstance(number, int) else f"{number:g}"
