"""What this replica holds, and who holds the rest. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from penstock_contracts.monitor_replicas import NO_REPLICAS, MonitorReplica, MonitorReplicas
from penstock_drift_monitor.errors import ReplicasUnsuitable

_NAMED: Final = re.compile(r"/(?P<route>v1/[a-z-]+|models)/(?P<namespace>[^/]+)/(?P<name>[^/]+)(?:/.*)?", re.DOTALL)
_REPORTS: Final = "v1/reports"


@dataclass(frozen=True)
class ReplicaShare:
    """Of one replica. Without replicas it is all."""

    own: str = ""
    """Name of this replica; empty: there is but one process."""
    replicas: MonitorReplicas = NO_REPLICAS

    @classmethod
    def of(cls, own: str, replicas: str) -> Self:
        """Read both settings. Raises ReplicasUnsuitable."""
        try:
            found = MonitorReplicas.parsed(replicas)
        except ValueError as error:
            raise ReplicasUnsuitable(f"PENSTOCK_REPLICAS: {error}") from error
        names = [replica.name for replica in found.members]
        if own and not names:
            raise ReplicasUnsuitable(
                f"PENSTOCK_REPLICA is {own[:200]!r}, but PENSTOCK_REPLICAS names none: set both, or neither for one "
                "monitor that holds all"
            )
        if names and own not in names:
            raise ReplicasUnsuitable(
                f"PENSTOCK_REPLICA is {own[:200]!r}, which is none of {', '.join(names)}: nobody would ask it for "
                "anything. Set driftMonitor.replicas instead of scaling the StatefulSet by hand"
            )
        return cls(own, found)

    def elsewhere(self, namespace: str, name: str) -> MonitorReplica | None:
        """Give the other replica that holds a resource; None: it is ours."""
        holder = self.replicas.holder(namespace, name)
        return None if holder is None or holder.name == self.own else holder

    def holds(self, namespace: str, name: str) -> bool:
        """Whether a resource is ours."""
        return self.elsewhere(namespace, name) is None

    def others(self) -> Sequence[MonitorReplica]:
        """Give every replica but this one."""
        return [replica for replica in self.replicas.members if replica.name != self.own]


def resource_in(path: str) -> tuple[str, str] | None:
    """Which resource an address is about, by namespace and name; None: about none, or its body says so.

    Every route that is about a resource is called `/v1/WORD/NAMESPACE/NAME` or `/models/NAMESPACE/NAME`.
    """
    found = _NAMED.fullmatch(path)
    if found is None:
        return None
    name = found["name"]
    return found["namespace"], name.removesuffix(".json") if found["route"] == _REPORTS else name


def is_report(path: str) -> bool:
    """Whether the answer is made first, which takes its time."""
    return path.startswith(f"/{_REPORTS}/")
