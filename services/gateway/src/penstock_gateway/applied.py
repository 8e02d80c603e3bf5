"""What this pod may acknowledge: only what Envoy runs on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from penstock_contracts.traffic import AppliedTraffic
from penstock_gateway.configuration import Configuration, backings
from penstock_gateway.world import Key


@dataclass(frozen=True, kw_only=True)
class Applied:
    """A ModelDeployment's split that Envoy runs on."""

    uid: str
    number: int
    at: float
    """Unix time in seconds at which it was first seen confirmed."""
    endpoints: Mapping[str, int]
    """Revision to its number of ready endpoints."""


def acknowledge(before: Mapping[Key, Applied], confirmed: Configuration | None, now: float) -> Mapping[Key, Applied]:
    """Return what is applied now. None confirmed: nothing is known, so nothing is acknowledged."""
    if confirmed is None:
        return {}
    return {
        key: Applied(
            uid=live.uid,
            number=live.split.number,
            at=_first_seen(before.get(key), live.uid, live.split.number, now),
            endpoints={backing.revision: confirmed.ready(backing) for backing in backings(key, live)},
        )
        for key, live in confirmed.live.items()
        if live.split is not None
    }


def as_contract(applied: Mapping[Key, Applied]) -> tuple[AppliedTraffic, ...]:
    """Return the message for the controller, sorted."""
    return tuple(
        AppliedTraffic(
            namespace=key.namespace,
            name=key.name,
            number=one.number,
            applied_at=one.at,
            endpoints=dict(one.endpoints),
        )
        for key, one in sorted(applied.items(), key=lambda item: item[0])
    )


def _first_seen(before: Applied | None, uid: str, number: int, now: float) -> float:
    same = before is not None and (before.uid, before.number) == (uid, number)
    return before.at if before is not None and same else now
