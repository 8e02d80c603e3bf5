"""Which split each ModelDeployment gets: the one it asks for, or its last good one where that cannot be."""

from collections.abc import Mapping
from dataclasses import dataclass

from penstock_contracts.traffic import TrafficSplit
from penstock_gateway.api_server.snapshot import DesiredTraffic, ModelKey
from penstock_gateway.splits.validation import is_name, problem_of_split


@dataclass(frozen=True, kw_only=True)
class LiveSplit:
    """What users of a ModelDeployment get."""

    uid: str
    split: TrafficSplit | None
    """None: no version serves yet; users are told so."""


@dataclass(frozen=True, kw_only=True)
class ChosenSplits:
    """Every ModelDeployment with what it gets, and why some do not get what they ask for."""

    live: Mapping[ModelKey, LiveSplit]
    rejected: Mapping[ModelKey, str]


def choose_splits(desired: Mapping[str, DesiredTraffic], last_good: Mapping[ModelKey, LiveSplit]) -> ChosenSplits:
    """Decide for each ModelDeployment alone: a bad one keeps its last good split and holds nobody else up."""
    live: dict[ModelKey, LiveSplit] = {}
    rejected: dict[ModelKey, str] = {}
    for traffic in sorted(desired.values(), key=lambda traffic: (traffic.key, traffic.uid)):
        problem = traffic.problem or problem_of_traffic(traffic)
        if problem:
            rejected[traffic.key] = problem
        kept = _last_good(traffic, last_good)
        if not problem and traffic.split is not None:
            live[traffic.key] = LiveSplit(uid=traffic.uid, split=traffic.split)
        elif kept is not None:
            # Also where the status was lost (a restore): the split goes on until the controller writes a new one.
            live[traffic.key] = kept
        elif is_name(traffic.key.name) and is_name(traffic.key.namespace):
            live[traffic.key] = LiveSplit(uid=traffic.uid, split=None)
    return ChosenSplits(live=live, rejected=rejected)


def problem_of_traffic(traffic: DesiredTraffic) -> str:
    """Return why the desired traffic cannot be followed, with the field; empty: it can."""
    if not is_name(traffic.key.name) or not is_name(traffic.key.namespace):
        return "metadata.name: not a DNS label, so no route can be made of it; create it under another name"
    if traffic.split is None:
        return ""
    problem = problem_of_split(traffic.split)
    return f"status.traffic.desired.{problem}" if problem else ""


def _last_good(traffic: DesiredTraffic, last_good: Mapping[ModelKey, LiveSplit]) -> LiveSplit | None:
    kept = last_good.get(traffic.key)
    return kept if kept is not None and kept.uid == traffic.uid else None
