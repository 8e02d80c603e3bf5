"""How far two versions' predictions for the same inputs lie apart: what the drift monitor is asked, and its answer."""

from bisect import bisect_right
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from penstock_contracts.base import Contract, evolve
from penstock_contracts.drift import ServedVersion

DIFFERENCE_BINS: Final = 64
_SMALLEST: Final = 0.0001
_RATIO: Final = (1 / _SMALLEST) ** (1 / (DIFFERENCE_BINS - 1))
DIFFERENCE_EDGES: Final = (0.0, *(_SMALLEST * _RATIO**step for step in range(DIFFERENCE_BINS - 1)), 1.0)
"""Between which the bins lie: the first is from 0 to 0.0001, each edge after that 15.8 % above the one before."""


def difference_bin(difference: float) -> int:
    """The bin of a difference from 0 to 1: it is at least as large as the edge below, and smaller than that above."""
    return min(DIFFERENCE_BINS, bisect_right(DIFFERENCE_EDGES, difference)) - 1


class ReplayWish(Contract):
    """Recorded requests of stable's that the candidate is to answer too."""

    test: str
    """What is tested by them: another text has them answered anew."""
    max_requests: int = Field(ge=1)
    """The newest ones, each with another input."""
    per_second: float = Field(gt=0)
    timeout_seconds: float = Field(gt=0)
    """For one answer."""
    lapse_seconds: float = Field(gt=0)
    """The candidate is asked nothing more when the wish was not repeated for so long."""


class ReplayProblem(StrEnum):
    """Why no recorded request can be answered, in one word. The controller tells the same words."""

    COLUMNS_NOT_RECORDED = "ColumnsNotRecorded"
    NOTHING_RECORDED = "NothingRecorded"
    REPLAY_NOT_REACHED = "ReplayNotReached"


class ReplayReport(Contract):
    """What became of recorded requests. Each is in one of the numbers, or is still to be answered."""

    chosen: int = 0
    """Requests that were recorded before the counts began."""
    answered: int = 0
    failed: int = 0
    """Stable had answered them."""
    failures: dict[str, int] = Field(default_factory=dict)
    """The failed ones by HTTP status code, or by `no answer`."""
    gone: int = 0
    """Their records left the window before."""
    over: bool = False
    """None is left, and what they brought is counted."""
    problem: str = ""
    """One of ReplayProblem; a newer monitor may have others. Empty: there is none."""
    message: str = ""
    """The problem in a sentence."""


class DivergenceWish(Contract):
    """Body of `PUT /v1/divergence/{namespace}/{name}`: which versions are to be compared, and in which attempt.

    Another one begins new counts. One that is not repeated for an hour is not counted for, until it is repeated.
    """

    attempt: int = Field(ge=0)
    candidate: ServedVersion
    stable: ServedVersion
    scale: float | None = Field(default=None, gt=0)
    """Difference of two numbers that counts as 1, as larger ones do. None: 1 for probabilities; for other numbers, what
    lies between the 1st and the 99th percentile of the predictions in stable's reference sample."""
    replay: ReplayWish | None = None
    """None: the candidate is asked nothing. That alone begins no new counts."""

    def counts_as(self, other: "DivergenceWish") -> bool:
        """Whether the same is counted for both."""
        return evolve(self, replay=other.replay) == other


Bins = Annotated[tuple[int, ...], Field(min_length=DIFFERENCE_BINS, max_length=DIFFERENCE_BINS)]


class DivergenceReport(Contract):
    """Answer of `PUT` and of `GET /v1/divergence/{namespace}/{name}?attempt=N`. Counts only grow as long as `since`
    is the same.

    A pair is a row that both versions answered under one request id, once for a user and once as a copy, at about the
    same time or, in a replay, later.
    """

    namespace: str
    name: str
    attempt: int
    candidate: str
    """Version."""
    stable: str
    since: str
    """When the counts began, as text that differs from that of any other beginning."""
    candidate_rows: int
    """Rows of the candidate that came since then."""
    stable_rows: int
    unpredicted: int
    """Of both, rows among whose outputs there is no prediction: neither a class nor a number."""
    pairs: int
    """Of inputs that are told apart: see `repeated`."""
    classified: int
    """Pairs for which either version names a class."""
    flips: int
    """Of these, those with different classes."""
    scored: int
    """Pairs of numbers."""
    total_difference: float
    """Of these, each as a part of `scale` and 1 at most. A number beside one that is missing or not finite counts 1."""
    differences: Bins
    """The same pairs by bin of DIFFERENCE_EDGES."""
    scale: float | None
    """Difference that counts as 1; None: not known yet."""
    unscaled: int
    """Pairs of numbers that came while no scale was known: not among `scored`."""
    repeated: int
    """Pairs that are not counted, since their input was counted within the same minute."""
    recorded: int = 0
    """Recorded requests that brought pairs: the candidate answered them later than stable."""
    recorded_pairs: int = 0
    """Of `pairs`, those that they brought."""
    replay: ReplayReport | None = None
    """None: no recorded requests were asked for since the counts began."""
