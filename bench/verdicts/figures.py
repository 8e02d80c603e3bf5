"""Figures of cells, for tables and plots alike."""

from collections.abc import Sequence

from bench.verdicts.attempts import AttemptEnd
from bench.verdicts.bounds import wald
from bench.verdicts.product import ALPHA, tolerated
from bench.verdicts.results import CellEnd
from bench.verdicts.rivals import PROMOTED, ROLLED_BACK
from bench.verdicts.traces import Scene

GOOD_ENDS = {AttemptEnd.PROMOTED.value, PROMOTED}
BAD_ENDS = {AttemptEnd.FAILED.value, AttemptEnd.FAILED_IN_BAKE.value, ROLLED_BACK}
"""A gate, or a rival's check, said so. An attempt that waited too long is neither good nor bad."""


def is_rolled_back(end: CellEnd) -> bool:
    """Whether it was said to be bad."""
    return end.end in BAD_ENDS


def bound_of(scene: Scene) -> float:
    """Wald's bound on the tries until a verdict at the first weight. Raises ValueError where nothing is worse."""
    margin = tolerated(scene.errors)
    if scene.harm <= margin:
        raise ValueError(f"a harm of {scene.harm} is within the margin: no verdict is due")
    rate = scene.errors + scene.harm - scene.errors * scene.harm
    return wald(candidate=rate, stable=scene.errors, margin=margin, weight=0.05, alpha=ALPHA)


def p95(values: Sequence[float]) -> float:
    """The least value that 95 % do not exceed."""
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]
