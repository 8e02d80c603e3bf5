"""Which split each ModelDeployment gets: the one it asks for, or its last good one where that cannot be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from penstock_contracts.traffic import TrafficSplit
from penstock_gateway.world import Key, Wish

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LONGEST_TIMEOUT = 3600.0
_FULL = 100


@dataclass(frozen=True, kw_only=True)
class LiveSplit:
    """What users of a ModelDeployment get."""

    uid: str
    split: TrafficSplit | None
    """None: no version serves yet; users are told so."""


@dataclass(frozen=True, kw_only=True)
class Settled:
    """Every ModelDeployment with what it gets, and why some do not get what they ask for."""

    live: Mapping[Key, LiveSplit]
    rejected: Mapping[Key, str]


def settle(wishes: Mapping[str, Wish], last_good: Mapping[Key, LiveSplit]) -> Settled:
    """Decide for each ModelDeployment alone: a bad one keeps its last good split and holds nobody else up."""
    live: dict[Key, LiveSplit] = {}
    rejected: dict[Key, str] = {}
    for wish in sorted(wishes.values(), key=lambda wish: (wish.key, wish.uid)):
        problem = wish.problem or problem_of(wish)
        if problem:
            rejected[wish.key] = problem
        kept = _last_good(wish, last_good)
        if not problem and wish.split is not None:
            live[wish.key] = LiveSplit(uid=wish.uid, split=wish.split)
        elif kept is not None:
            # Also where the status was lost (a restore): the split goes on until the controller writes a new one.
            live[wish.key] = kept
        elif _is_name(wish.key.name) and _is_name(wish.key.namespace):
            live[wish.key] = LiveSplit(uid=wish.uid, split=None)
    return Settled(live=live, rejected=rejected)


def problem_of(wish: Wish) -> str:
    """Return why the wish cannot be followed, with the field; empty: it can."""
    if not _is_name(wish.key.name) or not _is_name(wish.key.namespace):
        return "metadata.name: not a DNS label, so no route can be made of it; create it under another name"
    if wish.split is None:
        return ""
    return _problem_of_split(wish.split)


def _problem_of_split(split: TrafficSplit) -> str:
    field = "status.traffic.desired"
    revisions = [backend.revision for backend in split.backends]
    bad = [revision for revision in revisions if not _is_name(revision)]
    total = sum(backend.weight for backend in split.backends)
    if bad:
        return f"{field}.backends: revision {bad[0][:80]!r} is not a DNS label"
    if len(set(revisions)) != len(revisions):
        return f"{field}.backends: a revision is named twice"
    if split.backends and total != _FULL:
        return f"{field}.backends: the weights add up to {total}, not {_FULL}"
    if not 0 < split.timeout_seconds <= _LONGEST_TIMEOUT:
        return f"{field}.timeoutSeconds: {split.timeout_seconds} is not above 0 and at most {_LONGEST_TIMEOUT:.0f}"
    return ""


def _last_good(wish: Wish, last_good: Mapping[Key, LiveSplit]) -> LiveSplit | None:
    kept = last_good.get(wish.key)
    return kept if kept is not None and kept.uid == wish.uid else None


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None
