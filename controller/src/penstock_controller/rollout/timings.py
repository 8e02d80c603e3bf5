"""Latencies of an interval, from histograms that stand on the gateway pods and not in status.

A gate compares how many tries took longer than a few edges, and says which before the interval begins. So a reading
leaves in status, for each gateway pod, revision and arm, how many tries there were and how many took longer than each
of those edges; the next one takes the difference. Histograms are read whole each time, and kept nowhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from penstock_contracts.api.status import EvidenceStatus
from penstock_contracts.evidence import TryReason
from penstock_controller.gates.evidence import TimedTries
from penstock_controller.rollout.observation import ArmTries, Reading

_Arm = tuple[str, str]
_MOST_ARMS = 16


@dataclass(frozen=True)
class _Tail:
    """Tries of a revision for one reason, and how many of them took longer than each edge."""

    tries: int
    longer: tuple[int, ...]

    def since(self, before: "_Tail") -> "_Tail":
        """What came after."""
        longer = (max(0, now - then) for now, then in zip(self.longer, before.longer, strict=True))
        tries = max(0, self.tries - before.tries)
        return _Tail(tries, tuple(min(tries, count) for count in longer))


def to_texts(readings: Iterable[Reading], edges: tuple[int, ...]) -> dict[str, str]:
    """Each gateway pod's text; none where no edge is asked for."""
    return {reading.source: _to_text(_tails(reading, edges)) for reading in readings} if edges else {}


def _to_text(tails: Mapping[_Arm, _Tail]) -> str:
    return "; ".join(" ".join(map(str, (*arm, tail.tries, *tail.longer))) for arm, tail in tails.items())


def next_texts(
    before: EvidenceStatus, readings: Iterable[Reading], edges: tuple[int, ...], kept: Iterable[str]
) -> dict[str, str]:
    """What stands in status until the next reading.

    `kept`: sources whose last reading still holds. Of silent ones among them it does as long as the same edges are
    asked for: at other edges they can be compared with nothing.
    """
    silent = {source: before.timings[source] for source in kept if before.edges == edges and source in before.timings}
    return {**silent, **to_texts(readings, edges)}


def timed_tries(
    before: EvidenceStatus, readings: Iterable[Reading], revision: str, arms: Iterable[TryReason]
) -> TimedTries:
    """A revision's latencies since the last reading, and by bucket since the attempt began."""
    wanted = {(revision, arm.value) for arm in arms}
    tries, longer, so_far = 0, [0] * len(before.edges), dict[int, int]()
    for reading in readings:
        for one in reading.tries:
            if (one.revision, one.arm.value) in wanted:
                for bucket, count in one.latencies.items():
                    so_far[bucket] = so_far.get(bucket, 0) + count
        earlier = _earlier(before, reading.source)
        for arm, tail in _tails(reading, before.edges).items():
            if arm in wanted and earlier is not None:
                new = tail.since(earlier.get(arm, _nothing(before.edges)))
                tries += new.tries
                longer = [total + count for total, count in zip(longer, new.longer, strict=True)]
    return TimedTries(tries=tries, longer=dict(zip(before.edges, longer, strict=True)), so_far=so_far)


def _earlier(before: EvidenceStatus, source: str) -> Mapping[_Arm, _Tail] | None:
    """What a pod had said last; None: not at these edges. A pod that was never heard had nothing."""
    if source not in before.timings:
        return None if source in before.readings else {}
    text = before.timings[source]
    try:
        return dict(_from_text(line, len(before.edges)) for line in text.split("; ") if line)
    except ValueError:
        return None  # a status that was edited by hand


def _from_text(line: str, edges: int) -> tuple[_Arm, _Tail]:
    revision, arm, tries, *longer = line.split(" ")
    if len(longer) != edges:
        raise ValueError(f"{line!r} has not {edges} edges")
    return (revision, arm), _Tail(int(tries), tuple(map(int, longer)))


def _nothing(edges: tuple[int, ...]) -> _Tail:
    return _Tail(0, (0,) * len(edges))


def _tails(reading: Reading, edges: tuple[int, ...]) -> dict[_Arm, _Tail]:
    arms = [one for one in reading.tries if one.arm is not TryReason.RESCUE and one.latencies]
    return {(one.revision, one.arm.value): _tail(one, edges) for one in arms[:_MOST_ARMS]}


def _tail(one: ArmTries, edges: tuple[int, ...]) -> _Tail:
    longer = (sum(count for bucket, count in one.latencies.items() if bucket > edge) for edge in edges)
    return _Tail(sum(one.latencies.values()), tuple(longer))
