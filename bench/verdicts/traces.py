"""Traffic from a seed: how many tries each pod of each version gets and fails, by quarters of a second.

Whoever asks for the same slots under the same routing gets the same counts, in whatever order. So the product's rules,
its rivals and the whole engine are shown the same traffic. Requests come by chance (Poisson); a request fails by chance
with a probability that may depend on the time, on the version and on the user who sends it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import pi

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

SLOT = 0.25
"""Seconds of a slot: every time at which counters may be read is a multiple of it."""
_LEAST_SECONDS, _MOST_SECONDS, _PLENTY = 6_000, 100_000, 50
"""Of a trace: longer than any attempt takes. With fewer requests than plenty in a second it takes longer."""
_PODS = 4
CHUNK = 480
"""Slots that are drawn together: two minutes."""
SECOND = round(1 / SLOT)

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]

CANDIDATE, STABLE, COPIES = 0, 1, 2
"""Rows of what concerns either version, and of the copies at stable."""


@dataclass(frozen=True, kw_only=True)
class Routed:
    """Who answers what while a split holds."""

    weight: int
    """Per cent of the users' requests that the candidate answers."""
    copies: int = 0
    """Per cent of the candidate's requests that stable answers too, for comparison only."""
    candidate_pods: int = 1
    stable_pods: int = 1
    """Requests to a version come to each of its pods alike."""
    replaced: tuple[int, ...] = ()
    """Of the trace's sick pods, those that another pod has taken the place of: that one is well."""

    @property
    def pods(self) -> tuple[int, int, int]:
        """How many pods answer the candidate's requests, stable's, and copies at stable."""
        return self.candidate_pods, self.stable_pods, self.stable_pods


@dataclass(frozen=True, kw_only=True)
class SlotCounts:
    """Counts of consecutive slots under one routing."""

    pods: tuple[int, int, int]
    """Of candidate, of stable, and of stable for copies."""
    pod_tries: Counts
    """One row for each of these pods, in this order."""
    pod_failures: Counts
    """Of the same."""

    @property
    def tries(self) -> Counts:
        """Of candidate, stable, and copies at stable: one row each."""
        return self._by_arm(self.pod_tries)

    @property
    def failures(self) -> Counts:
        """Of the same."""
        return self._by_arm(self.pod_failures)

    def _by_arm(self, rows: Counts) -> Counts:
        return np.add.reduceat(rows, np.cumsum((0, *self.pods[:-1])), axis=0)

    def plus(self, other: "SlotCounts") -> "SlotCounts":
        """These slots, then the others."""
        return replace(
            self,
            pod_tries=np.concatenate((self.pod_tries, other.pod_tries), axis=1),
            pod_failures=np.concatenate((self.pod_failures, other.pod_failures), axis=1),
        )

    def part(self, first: int, end: int) -> "SlotCounts":
        """The slots from `first` up to, not with, `end`."""
        return replace(self, pod_tries=self.pod_tries[:, first:end], pod_failures=self.pod_failures[:, first:end])


@dataclass(frozen=True, kw_only=True)
class UserBase:
    """Users who keep their version: the candidate has those whose place is below its weight."""

    shares: Shares
    """Of all requests, each user's."""
    rates: Shares
    """Each user's probability of a failed request, with either version."""
    places: Shares
    """Each user's place, within [0, 1): the hash of who it is."""

    def of_candidate(self, weight: int) -> tuple[float, float, float]:
        """Share of all requests, mean failure rate and mean of its square, of the users that have the candidate."""
        return self._of(self.places < weight / 100)

    def of_stable(self, weight: int) -> tuple[float, float, float]:
        """The same of all others."""
        return self._of(self.places >= weight / 100)

    def _of(self, chosen: NDArray[np.bool_]) -> tuple[float, float, float]:
        shares, rates = self.shares[chosen], self.rates[chosen]
        share = float(shares.sum())
        if share == 0:
            return 0.0, 0.0, 0.0
        return share, float((shares * rates).sum()) / share, float((shares * rates**2).sum()) / share


@dataclass(frozen=True, kw_only=True)
class SickSpell:
    """The first pod of a version fails a part of its requests for a while, unless it is replaced."""

    version: int
    """CANDIDATE or STABLE."""
    begins: int
    ends: int
    """Slots."""
    share: float
    """Of its requests that fail."""


@dataclass(frozen=True, kw_only=True)
class TrafficTrace:
    """What happens in one attempt's time, and the counts that follow from it."""

    seed: int
    load: Shares
    """Requests of each slot in the mean, without the chance of their coming."""
    base: Shares
    """Probability in each slot that a request fails, with either version. Not used where users have rates."""
    extra: tuple[Shares, Shares]
    """What comes on top with the candidate, and with stable."""
    users: UserBase | None = None
    """None: every request is routed by itself."""
    cluster: int = 1
    """Failures that come at once, at one pod."""
    sick: tuple[SickSpell, ...] = ()
    _drawn: dict[tuple[Routed, int], SlotCounts] = field(default_factory=dict)

    @property
    def horizon(self) -> int:
        """Slots that it has."""
        return len(self.load)

    def slots(self, routed: Routed, first: int, end: int) -> SlotCounts:
        """Counts of the slots from `first` up to, not with, `end`. Raises ValueError beyond the horizon."""
        if not 0 <= first < end <= self.horizon:
            raise ValueError(f"this trace has slots from 0 to {self.horizon}, not {first} to {end}")
        chunks = [self._chunk(routed, number) for number in range(first // CHUNK, (end - 1) // CHUNK + 1)]
        at = first - first // CHUNK * CHUNK
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole = whole.plus(chunk)
        return whole.part(at, at + end - first)

    def _chunk(self, routed: Routed, number: int) -> SlotCounts:
        found = self._drawn.get((routed, number))
        if found is None:
            pods = [routed.candidate_pods, routed.stable_pods]
            kind = [routed.weight, routed.copies, *pods, *(1 + index for index in routed.replaced)]
            rng = default_rng([self.seed, number, *kind])
            part = slice(number * CHUNK, min(self.horizon, (number + 1) * CHUNK))
            found = self._drawn[routed, number] = self._draw(rng, routed, part)
        return found

    def _draw(self, rng: Generator, routed: Routed, part: slice) -> SlotCounts:
        share, mean, square = self._candidates(routed, part)
        at_candidate = share * self.load[part] / routed.candidate_pods
        own, stable_own = self._own(CANDIDATE, routed, part), self._own(STABLE, routed, part)
        tries, failures = self._plain(rng, at_candidate * (1 - routed.copies / 100), _either(mean, own))
        copies, copy_failures = np.zeros((2, len(stable_own), len(self.load[part])), dtype=np.int64)
        if routed.copies:
            copied = self._copied(rng, at_candidate * routed.copies / 100, (mean, square), (own, stable_own))
            tries, failures = tries + copied[0].sum(axis=1), failures + copied[1].sum(axis=1)
            copies, copy_failures = copied[0].sum(axis=0), copied[2].sum(axis=0)
        others, stable_mean, _ = self._stables(routed, part)
        at_stable = others * self.load[part] / routed.stable_pods
        stable_tries, stable_failures = self._plain(rng, at_stable, _either(stable_mean, stable_own))
        return SlotCounts(
            pods=routed.pods,
            pod_tries=np.concatenate((tries, stable_tries, copies)),
            pod_failures=np.concatenate((failures, stable_failures, copy_failures)),
        )

    def _plain(self, rng: Generator, mean: Shares, rate: Shares) -> tuple[Counts, Counts]:
        """Tries and failures of each pod, for so many requests in the mean at each; a row of rates for each pod."""
        failed = self._events(rng, mean * rate)
        return failed + rng.poisson(mean * (1 - rate)), failed

    def _copied(
        self,
        rng: Generator,
        mean: Shares,
        users: tuple[Shares | float, Shares | float],
        own: tuple[Shares, Shares],
    ) -> tuple[Counts, Counts, Counts]:
        """Requests that both versions answer: all, those that failed at the candidate, and those at stable.

        By the candidate's pod and stable's. Both answers may fail, for the user is the same: `users` are the means of
        the users' rates and of their squares.
        """
        rates, square = users
        at_candidate, at_stable = own[0][:, None, :], own[1][None, :, :]
        both = (1 - at_candidate) * (1 - at_stable) * square
        both = both + (at_candidate * (1 - at_stable) + at_stable * (1 - at_candidate)) * rates
        both = both + at_candidate * at_stable
        fails, copy_fails = _either(rates, at_candidate), _either(rates, at_stable)
        each = mean / len(own[1])
        both_failed = self._events(rng, each * both)
        candidate_failed = self._events(rng, each * (fails - both))
        copy_failed = self._events(rng, each * (copy_fails - both))
        well = rng.poisson(each * np.maximum(0, 1 - fails - copy_fails + both))
        total = both_failed + candidate_failed + copy_failed + well
        return total, both_failed + candidate_failed, both_failed + copy_failed

    def _candidates(self, routed: Routed, part: slice) -> tuple[float, Shares | float, Shares | float]:
        if self.users:
            return self.users.of_candidate(routed.weight)
        return routed.weight / 100, self.base[part], self.base[part] ** 2

    def _stables(self, routed: Routed, part: slice) -> tuple[float, Shares | float, Shares | float]:
        if self.users:
            return self.users.of_stable(routed.weight)
        return 1 - routed.weight / 100, self.base[part], self.base[part] ** 2

    def _own(self, version: int, routed: Routed, part: slice) -> Shares:
        """What comes on top at each pod of a version: a row for each."""
        own = np.tile(self.extra[version][part], (routed.pods[version], 1))
        for index, pod in enumerate(self.sick):
            begins, ends = max(0, pod.begins - part.start), max(0, pod.ends - part.start)
            if pod.version == version and index not in routed.replaced and begins < own.shape[1] and ends > 0:
                own[0, begins:ends] = _either(own[0, begins:ends], pod.share)
        return own

    def replaced_by(self, places: Mapping[tuple[int, int], int]) -> tuple[int, ...]:
        """The sick pods that are gone, by the slots at which a new pod last took a place of a version."""
        return tuple(index for index, pod in enumerate(self.sick) if places.get((pod.version, 0), -1) >= pod.begins)

    def _events(self, rng: Generator, mean: Shares) -> Counts:
        """Failures, so many in the mean, that come `cluster` at once, at one pod."""
        if not np.any(mean > 0):
            return np.zeros(mean.shape, dtype=np.int64)
        # What is taken away from itself may leave less than nothing, by rounding.
        return self.cluster * rng.poisson(np.maximum(mean, 0) / self.cluster)


def _either(one: Shares | float, other: Shares | float) -> Shares:
    """The probability that at least one of two independent things happens."""
    return np.asarray(one + other - one * other)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A kind of trace. `trace(seed)` is one of its kind."""

    rate: float
    """Requests per second."""
    errors: float
    """Share of them that fails with either version."""
    harm: float = 0.0
    """What the candidate adds, from its first request: of the requests that would not have failed, this share does."""
    happens: str = ""
    """What else: a key of HAPPENINGS, with its numbers behind a colon."""

    @property
    def sticky(self) -> bool:
        """Whether a user keeps the version."""
        return self.happens.startswith("sticky")

    @property
    def pods(self) -> int:
        """Of stable: four, unless what happens says it."""
        name, _, numbers = self.happens.partition(":")
        return int(numbers.split(",")[0]) if name == "sick-pod" else _PODS

    def trace(self, seed: int) -> TrafficTrace:
        """The traffic of one attempt."""
        rng = default_rng([seed, 1_000_003])
        drafted = _Draft(rng=rng, rate=self.rate, errors=self.errors)
        drafted.extra[CANDIDATE] += self.harm
        name, _, numbers = self.happens.partition(":")
        if name:
            HAPPENINGS[name](drafted, *(float(number) for number in numbers.split(",") if number))
        return TrafficTrace(
            seed=seed,
            load=drafted.load,
            base=np.clip(drafted.base, 0, 1),
            extra=(np.clip(drafted.extra[CANDIDATE], 0, 1), np.clip(drafted.extra[STABLE], 0, 1)),
            users=drafted.users,
            cluster=drafted.cluster,
            sick=tuple(drafted.sick),
        )


@dataclass
class _Draft:
    rng: Generator
    rate: float
    errors: float
    users: UserBase | None = None
    cluster: int = 1
    sick: list[SickSpell] = field(default_factory=list)

    @cached_property
    def horizon(self) -> int:
        fewer = _PLENTY / self.rate if self.rate else 1.0
        return round(min(_MOST_SECONDS, max(1.0, fewer) * _LEAST_SECONDS) * SECOND)

    @cached_property
    def load(self) -> Shares:
        return np.full(self.horizon, self.rate * SLOT, dtype=np.float64)

    @cached_property
    def base(self) -> Shares:
        return np.full(self.horizon, self.errors, dtype=np.float64)

    @cached_property
    def extra(self) -> list[Shares]:
        return [np.zeros(self.horizon), np.zeros(self.horizon)]

    def seconds(self, least: float, most: float) -> int:
        """A time in slots, by chance."""
        return round(self.rng.uniform(least, most) / SLOT)


ATTEMPT = 780.0
"""Seconds of an attempt in which nothing is waited for, with its bake: what happens once happens within them."""
CHANGES = (0.0, 60.0, 120.0, 180.0)
"""When the weight changes in it."""
_OUTAGE = (10.0, 40.0)


def _day(draft: _Draft) -> None:
    """A day's wave of load and errors; an attempt falls anywhere in it."""
    _wave(draft, period=86_400)


def _wave(draft: _Draft, period: float = 600) -> None:
    """Load between a half and one and a half, errors between none and twice as many."""
    wave = np.sin(2 * pi * (np.arange(draft.horizon) * SLOT / period + draft.rng.random()))
    draft.load *= 1 + wave / 2
    draft.base *= 1 + wave


def _bursts(draft: _Draft) -> None:
    """About one burst in two minutes: for 5 to 20 s five times the load and ten times the errors, with both."""
    at = 0
    while (at := at + draft.seconds(20, 220)) < draft.horizon:
        length = draft.seconds(5, 20)
        draft.load[at : at + length] *= 5
        draft.base[at : at + length] *= 10
        at += length


def _outage(draft: _Draft, share: float = 0.5) -> None:
    """For 10 to 40 s this share of all requests fails, whoever answers; anywhere in the attempt."""
    _fails(draft, draft.seconds(0, ATTEMPT), draft.seconds(*_OUTAGE), share)


def _outage_at_change(draft: _Draft, share: float = 0.5) -> None:
    """The same, beginning or ending within 10 s of a change of weight."""
    change = round(draft.rng.choice(CHANGES) / SLOT)
    length, off = draft.seconds(*_OUTAGE), draft.seconds(-10, 10)
    begins = change + off - (length if draft.rng.random() < 0.5 and change else 0)  # noqa: PLR2004
    _fails(draft, max(0, begins), length, share)


def _outages(draft: _Draft, share: float = 0.5) -> None:
    """One every two minutes."""
    at = draft.seconds(0, 120)
    while at < draft.horizon:
        _fails(draft, at, draft.seconds(*_OUTAGE), share)
        at += round(120 / SLOT)


def _fails(draft: _Draft, begins: int, length: int, share: float) -> None:
    draft.base[begins : begins + length] = np.maximum(draft.base[begins : begins + length], share)


def _shared(draft: _Draft, correlation: float) -> None:
    """Each second has an error rate of its own, the same for both versions; correlation of its requests."""
    draft.base[:] = _beta_seconds(draft, correlation)


def _own(draft: _Draft, correlation: float) -> None:
    """Each second of each version has an error rate of its own."""
    draft.base[:] = 0
    for version in (CANDIDATE, STABLE):
        draft.extra[version] += _beta_seconds(draft, correlation)


def _beta_seconds(draft: _Draft, correlation: float) -> Shares:
    more = (1 - correlation) / correlation
    seconds = -(-draft.horizon // SECOND)
    rates = draft.rng.beta(draft.errors * more, (1 - draft.errors) * more, seconds)
    return np.repeat(rates, SECOND)[: draft.horizon]


def _clusters(draft: _Draft, size: float) -> None:
    """Failures come so many at once, at one pod."""
    draft.cluster = round(size)


def _sticky_few(draft: _Draft, users: float, few: float) -> None:
    """A user's rank decides how often he asks (Zipf), and few users among the heavier ones cause all errors."""
    number, culprits = round(users), round(few)
    shares = 1 / np.arange(1, number + 1)
    shares /= shares.sum()
    rates = np.zeros(number)
    # By chance, of those with whom the errors can be as many as they are: who always fails asks often enough.
    for _ in range(1000):
        chosen = draft.rng.choice(min(number, 100), culprits, replace=False)
        if shares[chosen].sum() >= draft.errors:
            break
    else:
        chosen = np.arange(culprits)
    rates[chosen] = min(1.0, draft.errors / shares[chosen].sum())
    draft.users = UserBase(shares=shares, rates=rates, places=draft.rng.random(number))


def _sticky_own(draft: _Draft, users: float, correlation: float = 0.1) -> None:
    """Every user asks equally often and has a failure rate of his own."""
    number, more = round(users), (1 - correlation) / correlation
    rates = draft.rng.beta(max(draft.errors, 1e-9) * more, (1 - draft.errors) * more, number)
    draft.users = UserBase(shares=np.full(number, 1 / number), rates=rates, places=draft.rng.random(number))


def _sick_pod(  # noqa: PLR0917 - the numbers of a cell
    draft: _Draft,
    pods: float,  # noqa: ARG001 - for the plan
    share: float = 0.5,
    least: float = 5,
    most: float = 30,
    latest: float = ATTEMPT,
    version: float | None = None,
) -> None:
    """One pod of so many fails this share of its requests for some seconds; begins by `latest`. None: of either."""
    begins, drawn = draft.seconds(0, latest), int(draft.rng.integers(2))
    ends = begins + draft.seconds(least, most)
    whose = drawn if version is None else round(version)
    draft.sick.append(SickSpell(version=whose, begins=begins, ends=ends, share=share))


def _warm_up(draft: _Draft, share: float, seconds: float = 20) -> None:
    """The candidate's first seconds bring errors, then it is well."""
    draft.extra[CANDIDATE][: round(seconds / SLOT)] += share


def _leak(draft: _Draft, points: float) -> None:
    """The candidate gets worse, by so many points in ten minutes."""
    draft.extra[CANDIDATE] += points / 100 * np.arange(draft.horizon) * SLOT / 600


HAPPENINGS: dict[str, Callable[..., None]] = {
    "day": _day,
    "wave": _wave,
    "bursts": _bursts,
    "outage": _outage,
    "outage-at-change": _outage_at_change,
    "outages": _outages,
    "shared": _shared,
    "own": _own,
    "clusters": _clusters,
    "sticky-few": _sticky_few,
    "sticky-own": _sticky_own,
    "sick-pod": _sick_pod,
    "warm-up": _warm_up,
    "leak": _leak,
}
