"""Bounds with known answers."""

import pytest

from bench.verdicts.bounds import upper_bound, wald


@pytest.mark.parametrize(
    ("hits", "runs", "bound"),
    [(0, 4000, 1 - 0.05 ** (1 / 4000)), (0, 10, 0.258866), (1, 10, 0.394163), (5, 10, 0.777559), (10, 10, 1.0)],
)
def test_clopper_and_pearson(hits: int, runs: int, bound: float) -> None:
    assert upper_bound(hits, runs) == pytest.approx(bound, abs=1e-6)


def test_a_bound_needs_runs() -> None:
    with pytest.raises(ValueError, match="at least one run"):
        upper_bound(0, 0)


@pytest.mark.parametrize(
    ("harm", "weight", "tries"),
    [
        (0.01, 0.05, 3189),
        (0.01, 0.5, 4135),
        (0.02, 0.05, 471),
        (0.03, 0.05, 206),
        (0.05, 0.05, 84),
        (0.2, 0.05, 11),
        (0.999, 0.05, 1.4),
    ],
)
def test_walds_bound_with_stable_beside(harm: float, weight: float, tries: float) -> None:
    found = wald(candidate=0.001 + harm, stable=0.001, margin=0.005, weight=weight, alpha=0.005)
    assert found == pytest.approx(tries, rel=0.025)
