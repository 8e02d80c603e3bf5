"""Evidence that gateway pods gather: counts of tries at servers. A user's request may take several tries."""

from enum import StrEnum

from pydantic import Field

from penstock_contracts.base import Contract


class TryReason(StrEnum):
    """Why a server was tried."""

    USERS = "users"
    """A user's request, at the revision that its weight chose. While a rescue is named, the first try only: one for
    each request. Requests that a header match steered are no evidence."""
    SHADOW = "shadow"
    """A copy; nobody waits for its answer."""
    RESCUE = "rescue"
    """An earlier try had failed, or was silent for long: these requests are chosen by that, so they compare with
    nothing."""


MOST_PODS = 100
"""Pods of a revision that are told apart. Of more, those with the lowest addresses are: on every gateway pod the same.
"""


class PodTries(Contract):
    """Of a revision's tries, those at one of its pods."""

    address: str = Field(max_length=45)
    """The pod's, without a port."""
    tries: int = Field(ge=0)
    failures: int = Field(ge=0)
    kinds: dict[str, int] = Field(default_factory=dict)


class RevisionTries(Contract):
    """Tries at one revision's servers since the counters began. Counters only grow."""

    revision: str
    reason: TryReason
    tries: int = Field(ge=0)
    """Those that ended in an answer or a failure; not those whose client left, or that another try overtook."""
    failures: int = Field(ge=0)
    """Of these: 5xx, 408, 429, time-outs, resets, and servers that could not be reached. Other 4xx are the caller's. A
    try is timed out when it was given up, not when its answer was slow."""
    kinds: dict[str, int] = Field(default_factory=dict)
    """The failures by HTTP status code, or by `timeout`, `reset` and `unreachable` where there was no answer."""
    latencies: dict[int, int] = Field(default_factory=dict)
    """How long tries took, by bucket of `latency_buckets`: from the choice of a server to the answer's last byte; of
    tries that were given up, overtaken or left by their client, to that moment, so they would have taken longer. Tries
    that failed are not among them, except those that timed out. Empty buckets are left out."""
    pods: tuple[PodTries, ...] = Field(default=(), max_length=MOST_PODS)
    """The same tries by pod, as far as the traffic split asked for that, sorted by address."""


class GatewayEvidence(Contract):
    """Answer of `GET /v1/evidence/{namespace}/{name}?attempt=N` on a gateway pod's agent port."""

    pod: str
    epoch: str
    """Changes when the counters begin at 0 again (Envoy started)."""
    attempt: int
    """The attempt that the tries belong to."""
    tries: tuple[RevisionTries, ...]
