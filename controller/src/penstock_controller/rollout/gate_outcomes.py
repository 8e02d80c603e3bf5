"""What gates said at the end of an attempt, in short: for a log line and for the registry."""

from penstock_contracts.api.registry_write import GateOutcome, NamedNumbers
from penstock_contracts.api.status import GateResult
from penstock_contracts.verdict import Verdict

_MOST_FIGURES = 8


def outcomes(found: tuple[GateResult, ...]) -> tuple[GateOutcome, ...]:
    """Each gate's outcome. Those that failed come first."""
    return tuple(map(_outcome, sorted(found, key=lambda gate: gate.verdict is not Verdict.FAIL)))


def document(gate: GateOutcome) -> dict[str, object]:
    """It as JSON has it: numbers by name."""
    return {
        "gate": gate.gate,
        "stage": gate.stage,
        "verdict": gate.verdict,
        "samples": gate.samples,
        "figures": {one.name: one.numbers for one in gate.figures},
        "bounds": {one.name: one.numbers for one in gate.bounds},
    }


def _outcome(gate: GateResult) -> GateOutcome:
    # Figures with a colon in their names are parts of others.
    figures = [one for one in gate.figures if ":" not in one.name][:_MOST_FIGURES]
    return GateOutcome(
        gate=gate.name,
        stage=gate.stage.value,
        verdict=gate.verdict.value,
        samples=gate.samples,
        figures=tuple(
            NamedNumbers(name=one.name, numbers=(one.candidate, *(() if one.stable is None else (one.stable,))))
            for one in figures
        ),
        bounds=tuple(
            NamedNumbers(name=one.name, numbers=(one.value, one.limit)) for one in gate.bounds if one.value is not None
        ),
    )
