"""A guess at both failure rates, and what a block is worth to who bets on that guess.

The bet is against a null hypothesis whose border is `candidate = stable + margin`: on a guess beyond the border, that
the candidate is at most so much worse; on a guess within, that it is at least so much worse. The stake is multiplied
by the likelihood of the guess over that of the nearest point of the null (reverse information projection), which is on
the border. Its expectation is at most 1 wherever in the null the truth is: docs/decisions/0008-error-rate-test.md.
"""

from dataclasses import dataclass
from math import log

from penstock_controller.analysis.counts import Block, CountedTries

_LEAST = 1e-7
"""No guess is nearer to never or to always: a surprise must not cost everything."""
_TINY = 1e-300
_STEPS = 100
"""Bound on the search for the border. Newton's method needs about 6, halving alone about 60."""


@dataclass(frozen=True, slots=True)
class Belief:
    """Failure rates, each within (0, 1)."""

    candidate: float
    stable: float

    @classmethod
    def of(cls, *, candidate: float, stable: float) -> "Belief":
        """The belief nearest to these rates that can be bet on."""
        return cls(candidate=_possible(candidate), stable=_possible(stable))

    def log_gain(self, block: Block, margin: float) -> float:
        """The logarithm of what a stake of 1 becomes. The block has tries in both arms."""
        share = block.candidate.tries / (block.candidate.tries + block.stable.tries)
        rate, room = _border(self, margin, share)
        candidate = _log_likelihood_ratio(block.candidate, self.candidate, rate + margin, room)
        return candidate + _log_likelihood_ratio(block.stable, self.stable, rate, 1 - rate)

    def mean_gain(self, candidate: float, stable: float, share: float, margin: float) -> float:
        """The expected log gain for each try of the candidate, where these are the failure rates.

        `share`: the candidate's part of all tries, within (0, 1).
        """
        rate, room = _border(self, margin, share)
        own = _mean_ratio(candidate, self.candidate, rate + margin, room)
        return own + (1 - share) / share * _mean_ratio(stable, self.stable, rate, 1 - rate)


def _mean_ratio(truth: float, guess: float, null: float, null_complement: float) -> float:
    failed = truth * log(guess / max(null, _TINY))
    return failed + (1 - truth) * log((1 - guess) / max(null_complement, _TINY))


def _possible(rate: float) -> float:
    return min(max(rate, _LEAST), 1 - _LEAST)


def _log_likelihood_ratio(arm: CountedTries, guess: float, null: float, null_complement: float) -> float:
    failed = arm.failures * log(guess / max(null, _TINY))
    return failed + (arm.tries - arm.failures) * log((1 - guess) / max(null_complement, _TINY))


def _border(belief: Belief, margin: float, share: float) -> tuple[float, float]:
    """Stable's rate p at the nearest border point, and the candidate's success rate there, `1 - margin - p`.

    Minimises `share * KL(belief.candidate || p + margin) + (1 - share) * KL(belief.stable || p)`, which is convex in p.
    Its derivative times the four (positive) rates of the point is a cubic with one root between the two guesses.
    """
    most = 1 - margin
    own, moved = belief.stable, belief.candidate - margin
    low, high = max(0.0, min(own, moved)), min(most, max(own, moved))
    p = share * moved + (1 - share) * own
    for _ in range(_STEPS):
        if not low < p < high:
            p = (low + high) / 2
        a, b, c, d = p, 1 - p, p + margin, most - p
        value = share * (p - moved) * a * b + (1 - share) * (p - own) * c * d
        slope = share * (a * b + (p - moved) * (b - a)) + (1 - share) * (c * d + (p - own) * (d - c))
        if value < 0:
            low = p
        else:
            high = p
        step = value / slope if slope else high - low
        if abs(step) <= 1e-15 * p or high - low <= 1e-15 * p:
            break
        p -= step
    return p, most - p
