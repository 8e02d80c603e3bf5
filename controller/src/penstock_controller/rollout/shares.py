"""Who gets which share of the requests, and so which tries can be compared with which."""

from dataclasses import dataclass

from penstock_contracts.api.status import ModelDeploymentStatus, Revision
from penstock_contracts.evidence import TryReason
from penstock_contracts.traffic import TrafficSplit

_APPLYING = "applying "


@dataclass(frozen=True, kw_only=True)
class Arms:
    """Which tries of which revisions are compared."""

    judged: str
    judged_by: tuple[TryReason, ...]
    beside: str
    beside_by: tuple[TryReason, ...]


def current(status: ModelDeploymentStatus) -> str:
    """The shares in words: another text means that they changed. Which version is judged does not matter to it."""
    traffic = status.traffic
    if traffic is None:
        return ""
    wanted = _in_words(traffic.desired)
    settled = traffic.applied is not None and _in_words(traffic.applied) == wanted
    return wanted if settled else _APPLYING + wanted


def are_settled(text: str) -> bool:
    """Whether every gateway pod is known to send by these shares."""
    return bool(text) and not text.startswith(_APPLYING)


def _in_words(split: TrafficSplit) -> str:
    told = ", ".join(f"{backend.revision} {backend.weight}" for backend in split.backends if backend.weight)
    mirror = split.mirror
    if mirror is None or not mirror.percentage:
        return told
    source = f" of {mirror.source}" if mirror.source else ""
    return f"{told}, copies of {mirror.percentage} %{source} to {mirror.revision}"


def judged_and_beside(status: ModelDeploymentStatus) -> tuple[Revision, Revision] | None:
    """The version that is judged now, and the one that it is compared with; None: none is."""
    stable, candidate, previous = status.stable, status.candidate, status.previous
    if stable and candidate:
        return candidate, stable
    return (stable, previous) if stable and previous else None


def arms_of(status: ModelDeploymentStatus) -> Arms | None:
    """What is compared now; None: nothing.

    On trial: users' requests at both; or copies of stable's requests at the candidate; or, where users are sticky, the
    candidate's requests and copies of the same requests at stable. In the bake: what the new stable answers, and copies
    at the version before.
    """
    pointers = judged_and_beside(status)
    if pointers is None:
        return None
    judged, beside = (pointer.revision for pointer in pointers)
    users, copies = (TryReason.USERS,), (TryReason.SHADOW,)
    if status.candidate is None:
        return Arms(judged=judged, judged_by=users, beside=beside, beside_by=copies)
    mirror = status.traffic.desired.mirror if status.traffic else None
    if mirror is not None and mirror.revision == beside:
        return Arms(judged=judged, judged_by=users, beside=beside, beside_by=copies)
    return Arms(judged=judged, judged_by=users + copies, beside=beside, beside_by=users)


def routed_share(status: ModelDeploymentStatus) -> float | None:
    """The candidate's part of the tries of both, where each request is routed by itself; None: that is not so now.

    Sticky users stay where they are, so their requests come in any shares.
    """
    traffic, candidate = status.traffic, status.candidate
    if traffic is None or candidate is None or traffic.desired.stickiness or not are_settled(current(status)):
        return None
    weight = next((one.weight for one in traffic.desired.backends if one.revision == candidate.revision), 0)
    return weight / 100 if 0 < weight < 100 else None  # noqa: PLR2004


def reach_the_judged(status: ModelDeploymentStatus) -> bool:
    """Whether the gateway is asked to send anything to the version that is judged."""
    arms, traffic = arms_of(status), status.traffic
    if arms is None or traffic is None:
        return False
    split = traffic.desired
    copied = split.mirror is not None and split.mirror.revision == arms.judged and split.mirror.percentage > 0
    return copied or any(backend.weight for backend in split.backends if backend.revision == arms.judged)
