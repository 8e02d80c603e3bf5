"""What this pod may acknowledge: only what Envoy runs on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from penstock_contracts.traffic import AppliedTraffic, TrafficSplit
from penstock_gateway.api_server.snapshot import ModelKey
from penstock_gateway.splits.configuration import Configuration, revision_refs
from penstock_gateway.splits.splits import LiveSplit

_MOST_SENTENCES = 50


@dataclass(frozen=True, kw_only=True)
class AppliedSplit:
    """A ModelDeployment's split that Envoy runs on."""

    uid: str
    number: int
    at: float
    """Unix time in seconds at which it was first seen confirmed."""
    endpoints: Mapping[str, int]
    """Revision to its number of ready endpoints."""


def acknowledge(
    before: Mapping[ModelKey, AppliedSplit], confirmed: Configuration | None, now: float
) -> Mapping[ModelKey, AppliedSplit]:
    """Return what is applied now. None confirmed: nothing is known, so nothing is acknowledged."""
    if confirmed is None:
        return {}
    return {
        key: AppliedSplit(
            uid=live.uid,
            number=live.split.number,
            at=_first_seen(before.get(key), live.uid, live.split.number, now),
            endpoints={ref.revision: confirmed.ready(ref) for ref in revision_refs(key, live)},
        )
        for key, live in confirmed.live.items()
        if live.split is not None
    }


def describe_changes(
    before: Mapping[ModelKey, AppliedSplit], now: Mapping[ModelKey, AppliedSplit], live: Mapping[ModelKey, LiveSplit]
) -> list[str]:
    """Return a sentence on each ModelDeployment whose split or endpoints are others than before; a bounded number."""
    changed = sorted(key for key, one in now.items() if not _same(before.get(key), one))
    sentences = [_sentence(key, now[key], live[key].split) for key in changed[:_MOST_SENTENCES]]
    if len(changed) > _MOST_SENTENCES:
        sentences.append(f"and {len(changed) - _MOST_SENTENCES} more ModelDeployments")
    return sentences


def _same(before: AppliedSplit | None, now: AppliedSplit) -> bool:
    return before is not None and replace(before, at=now.at) == now


def _sentence(key: ModelKey, applied: AppliedSplit, split: TrafficSplit | None) -> str:
    backends = split.backends if split else ()
    shares = ", ".join(
        f"revision {one.revision} {one.weight} % on {applied.endpoints.get(one.revision, 0)} endpoints"
        for one in backends
    )
    attempt = split.attempt if split else 0
    return f"ModelDeployment {key}: Envoy runs on split {applied.number} of attempt {attempt}: {shares or 'no version'}"


def as_contract(applied: AppliedSplit | None) -> AppliedTraffic | None:
    """Return the message for the controller."""
    if applied is None:
        return None
    return AppliedTraffic(number=applied.number, applied_at=applied.at, endpoints=dict(applied.endpoints))


def _first_seen(before: AppliedSplit | None, uid: str, number: int, now: float) -> float:
    same = before is not None and (before.uid, before.number) == (uid, number)
    return before.at if before is not None and same else now
