"""Which replica of the drift monitor holds a resource. Whoever asks the monitor and the monitor itself choose alike."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

MAX_REPLICAS: Final = 32
HEADER_PASSED_ON_BY: Final = "x-penstock-passed-on-by"
"""Name of the replica that passed a request on: whoever gets it so passes it on to nobody."""
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def holder_of(namespace: str, name: str, replicas: Iterable[str]) -> str:
    """Choose the replica that holds a resource, by its name: the one with the highest hash (rendezvous hashing).

    The order of `replicas` does not matter. One more takes its share from all others, and nothing else moves.
    Raises ValueError where there is none.
    """
    return max(replicas, key=lambda replica: (_weight(namespace, name, replica), replica))


def _weight(namespace: str, name: str, replica: str) -> bytes:
    return hashlib.sha256(f"{replica}\n{namespace}\n{name}".encode()).digest()


@dataclass(frozen=True, kw_only=True)
class MonitorReplica:
    """One process of several, with a volume of its own."""

    name: str
    url: str
    """Base URL, without a slash at its end."""


@dataclass(frozen=True)
class MonitorReplicas:
    """The replicas that share resources; none: one process holds them all."""

    members: tuple[MonitorReplica, ...] = ()

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Read `name=url,name=url`; an empty text is none. Raises ValueError that says what is wrong and what to do."""
        found = tuple(_parsed(part.strip()) for part in text.split(",")) if text.strip() else ()
        names = [replica.name for replica in found]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"replica {', '.join(twice)} is named twice: name each once")
        if len(found) > MAX_REPLICAS:
            raise ValueError(
                f"{len(found)} replicas are named, more than {MAX_REPLICAS}: set driftMonitor.replicas lower"
            )
        return cls(found)

    def holder(self, namespace: str, name: str) -> MonitorReplica | None:
        """Give the replica that holds a resource; None: there is but one process."""
        if not self.members:
            return None
        chosen = holder_of(namespace, name, (replica.name for replica in self.members))
        return next(replica for replica in self.members if replica.name == chosen)

    def url(self, namespace: str, name: str, service: str) -> str:
        """Give the base URL at which a resource's replica is reached; `service`: where there is but one process."""
        holder = self.holder(namespace, name)
        return service if holder is None else holder.url


NO_REPLICAS: Final = MonitorReplicas()
"""One process holds every resource."""


def _parsed(part: str) -> MonitorReplica:
    name, _, url = part.partition("=")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{part[:200]!r} names no replica: write name=url,name=url, each name as its pod is called")
    try:
        address = urlsplit(url)
        sound = address.scheme in {"http", "https"} and bool(address.hostname) and address.port != 0
        sound = sound and address.path in {"", "/"} and not address.query
    except ValueError:
        sound = False
    if not sound:
        raise ValueError(f"replica {name} has the address {url[:200]!r}: it must be http://host:port")
    return MonitorReplica(name=name, url=url.rstrip("/"))
