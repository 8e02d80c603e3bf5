"""Addresses of the clusters. All are from ranges reserved for tests and documentation: nobody's network has them."""

import ipaddress
from dataclasses import dataclass

NODES = ipaddress.ip_network("198.51.100.0/24")
PODS = ipaddress.ip_network("198.18.0.0/16")
SERVICES = ipaddress.ip_network("198.19.0.0/16")
POD_RANGE = ipaddress.ip_network("198.18.0.0/22")
API_SERVICE = SERVICES[1]
BLACKHOLES = (NODES, SERVICES, PODS)

_LINK = 30  # prefix length: one network of four addresses for each cluster
CLUSTERS = NODES.num_addresses // 4


@dataclass(frozen=True)
class Addresses:
    """What a cluster's index says about where it is."""

    index: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < CLUSTERS:
            raise ValueError(f"a cluster's index is from 0 to {CLUSTERS - 1}, not {self.index}")

    @property
    def host(self) -> str:
        return str(NODES[self.index * 4 + 1])

    @property
    def node(self) -> str:
        return str(NODES[self.index * 4 + 2])

    @property
    def prefix(self) -> int:
        return _LINK

    @property
    def link(self) -> str:
        """Name of the link on the host's side, and of the cluster's root in every cgroup hierarchy."""
        return f"pstk{self.index}"


def first_free(taken: set[int]) -> int | None:
    """The smallest index that no cluster has; None when all are taken."""
    return next((index for index in range(CLUSTERS) if index not in taken), None)
