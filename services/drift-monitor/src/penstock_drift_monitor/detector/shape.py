"""Bets on the shape of a column: the shares of its bins.

The null hypothesis is every law p within total variation d of the reference r. A bet that recent shares q are the law
pays `q/p` for a row if p is the truth, and must be fair for all p at once. The least favourable p gives the reference's
ratio, clipped: `clip(q/r, low, high)`, with

    high = max over sets A of q(A) / (r(A) + d),    low = min over sets B with r(B) > d of q(B) / (r(B) - d),

where only sets of the highest, or lowest, q/r matter (Huber, "A robust version of the probability ratio test", Annals
of Mathematical Statistics 36, 1965). Its expectation is at most 1 for every p in the null hypothesis, 1 for the worst.
That p is also the one nearest to q in Kullback-Leibler divergence, so no bet on q that is fair for all p grows faster
(reverse information projection: Grünwald, de Heide and Koolen, arXiv 1906.07801). A row is worth a bounded amount; bins
that the reference lacks need no constant.

For a block with fixed q the expectation of the product of its rows is at most `exp` of the sum of their mean excess, so
it is enough that the rows' *average* law is within the margin: a daily wave is no drift for blocks of whole days.
"""

import numpy as np

from penstock_drift_monitor.detector.sample import Numbers


def clipped_ratio(recent: Numbers, reference: Numbers, margin: Numbers) -> Numbers:
    """What a row in each bin multiplies the stake by: ... x C x K, for reference C x K and margin C.

    1 everywhere where the recent shares lie within the margin: then there is nothing to bet on.
    """
    reference = np.broadcast_to(reference, recent.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(recent > 0, recent / reference, np.where(reference > 0, 0.0, 1.0))
    order = np.argsort(-ratio, axis=-1)
    bins = recent.shape[-1]
    flat = order + np.arange(0, order.size, bins).reshape(*order.shape[:-1], 1)  # half the time of take_along_axis
    top_recent = np.cumsum(np.take(recent, flat), axis=-1)
    top_reference = np.cumsum(np.take(reference, flat), axis=-1)
    beyond = margin[:, np.newaxis]
    high = (top_recent / (top_reference + beyond)).max(axis=-1, keepdims=True)
    # What is not at the top is at the bottom. All bins together are one more set, which only gives 1 / (1 - d) > 1.
    rest = 1 - top_reference - beyond
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(rest > 1e-9, (1 - top_recent) / rest, 1.0).min(axis=-1, keepdims=True)  # noqa: PLR2004
    return np.where(high > 1, np.clip(ratio, np.clip(low, 0.0, 1.0), np.maximum(high, 1.0)), 1.0)


def log_gains(counts: Numbers, recent: Numbers, reference: Numbers, margin: Numbers) -> Numbers:
    """Log of what a block's counts (C x K) multiply each stake by: memories x C."""
    factors = clipped_ratio(recent, reference, margin)
    with np.errstate(divide="ignore"):
        logs = np.log(factors)
    # A bin without rows adds nothing, even where one row would ruin the bet.
    return np.asarray(np.where(counts > 0, counts * logs, 0.0).sum(axis=-1), np.float64)
