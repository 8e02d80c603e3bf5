"""Does a version serve at all? That is: do fewer than half of its tries fail?

As bad as stable is no praise where stable serves nobody, so no comparison answers this.
"""

from math import log

from penstock_controller.analysis.counts import CountedTries
from penstock_controller.analysis.memory import Memory
from penstock_controller.analysis.purse import log_sum

NOT_SHOWN = 0.05
"""Probability that a version whose tries fail by half or more, in each interval, is ever taken for one that serves."""
_RATES = (0.05, 0.25, 0.45)
"""Failure rates of versions that serve, as they are bet on."""


def is_shown_to_serve(tries: CountedTries, recent: Memory) -> bool:
    """Whether a version's tries, and the recent of them, say that fewer than half fail, however often it is asked.

    Bets on lower rates against one half: what they give has an expectation of at most 1 at every rate from one half on.
    """
    succeeded = tries.tries - tries.failures
    gains = [tries.failures * log(2 * rate) + succeeded * log(2 * (1 - rate)) for rate in _RATES]
    return log_sum(gains) - log(len(gains)) >= -log(NOT_SHOWN) and 2 * recent.failures < recent.tries
