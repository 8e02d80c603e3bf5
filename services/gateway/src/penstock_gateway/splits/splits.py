"""Which split each ModelDeployment gets: the one it asks for, or its last good one where that cannot be."""

from collections.abc import Mapping
from dataclasses import dataclass

from penstock_contracts.traffic import TrafficSplit
from penstock_gateway.api_server.snapshot import Key, Wish
from penstock_gateway.splits.validation import is_name, problem_of_split


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
        elif is_name(wish.key.name) and is_name(wish.key.namespace):
            live[wish.key] = LiveSplit(uid=wish.uid, split=None)
    return Settled(live=live, rejected=rejected)


def problem_of(wish: Wish) -> str:
    """Return why the wish cannot be followed, with the field; empty: it can."""
    if not is_name(wish.key.name) or not is_name(wish.key.namespace):
        return "metadata.name: not a DNS label, so no route can be made of it; create it under another name"
    if wish.split is None:
        return ""
    problem = problem_of_split(wish.split)
    return f"status.traffic.desired.{problem}" if problem else ""


def _last_good(wish: Wish, last_good: Mapping[Key, LiveSplit]) -> LiveSplit | None:
    kept = last_good.get(wish.key)
    return kept if kept is not None and kept.uid == wish.uid else None
