"""A gateway pod's counters as one line of text in status, and the tries between two readings."""

from collections.abc import Iterable, Mapping

from penstock_contracts.evidence import TryReason
from penstock_controller.analysis.counts import CountedTries
from penstock_controller.gates.evidence import TryCount
from penstock_controller.rollout.observation import Reading

Counters = Mapping[tuple[str, str], TryCount]
"""Tries by revision and arm, since the pod's counters began."""
UNKNOWN = "unknown"
"""A reading that is not gone on from: what the pod says next begins anew."""
_MOST_ARMS = 16
_MOST_KINDS = 32


def of_revision(counters: Counters, revision: str) -> CountedTries:
    """A revision's tries, for whatever reason."""
    found = [count for (whose, _), count in counters.items() if whose == revision]
    return CountedTries(tries=sum(one.tries for one in found), failures=sum(one.failures for one in found))


def since(before: Counters, now: Counters) -> Counters:
    """What came after a reading, by revision and arm."""
    return {key: _difference(before.get(key), count) for key, count in now.items()}


def counters_of(reading: Reading) -> Counters:
    """What a gateway pod said. Rescues compare with nothing and are left out."""
    return {
        (one.revision, one.arm.value): TryCount(tries=one.tries, failures=one.failures, kinds=one.kinds)
        for one in reading.tries
        if one.arm is not TryReason.RESCUE
    }


def to_text(counters: Counters) -> str:
    """The counters as text."""
    return "; ".join(_line(*key, count) for key, count in list(counters.items())[:_MOST_ARMS])


def _line(revision: str, arm: str, count: TryCount) -> str:
    kinds = ",".join(f"{kind}={number}" for kind, number in list(count.kinds.items())[:_MOST_KINDS])
    return f"{revision} {arm} {count.tries} {count.failures} {kinds}".rstrip()


def from_text(text: str) -> Counters | None:
    """The counters that were written as this text; None: a status that was edited by hand."""
    try:
        return dict(_line_from_text(line) for line in text.split("; ") if line)
    except ValueError:
        return None


def _line_from_text(line: str) -> tuple[tuple[str, str], TryCount]:
    revision, arm, tries, failures, *rest = line.split(" ")
    kinds = dict(_kind_from_text(kind) for kind in rest[0].split(",")) if rest else {}
    return (revision, arm), TryCount(tries=int(tries), failures=int(failures), kinds=kinds)


def _kind_from_text(text: str) -> tuple[str, int]:
    kind, number = text.split("=")
    return kind, int(number)


def tries_between(before: Counters, now: Counters, revision: str, arms: Iterable[TryReason]) -> TryCount:
    """A revision's tries from one reading to the next."""
    total = TryCount()
    for arm in arms:
        later = now.get((revision, arm.value))
        if later:
            total = total.plus(_difference(before.get((revision, arm.value)), later))
    return total


def _difference(before: TryCount | None, now: TryCount) -> TryCount:
    return now if before is None else now.minus(before)
