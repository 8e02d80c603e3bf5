"""A verb: one annotation, and what the controller makes of it. Whether it makes sense is the controller's to say."""

import time
from dataclasses import dataclass

from penstock_cli.cluster import Cluster
from penstock_cli.connection import Object
from penstock_cli.errors import Conflict, Trouble
from penstock_cli.handled import Heard, heard
from penstock_contracts.verbs import Verb, annotation, word

_TRIES = 8
"""The controller writes the status of a rollout often: each of its writes in between is another try."""
_LOOK_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A word that stands on a resource."""

    namespace: str
    name: str
    verb: Verb
    word: str
    uid: str

    @property
    def kubectl(self) -> str:
        """The line that asks the same."""
        said = f"{annotation(self.verb)}={self.word}"
        return f"kubectl -n {self.namespace} annotate mdep {self.name} --overwrite {said}"

    def said(self) -> str:
        """For the person who asked."""
        return f"asked: {self.verb.value} of {self.namespace}/{self.name} at {self.word}\nthe same: {self.kubectl}"


def place(resource: Object) -> tuple[int, int]:
    """The attempt and the step where a resource stands, as words name them."""
    status = resource.get("status") or {}
    candidate = status.get("candidate") or {}
    return int(status.get("attempt") or 0), int(candidate.get("step") or 0)


def ask(cluster: Cluster, namespace: str, name: str, verb: Verb, version: str = "") -> Asked:
    """Say a word of the place where the resource stands when it is said. Raises Trouble where it is not said."""
    first: tuple[int, int] | None = None
    for _ in range(_TRIES):
        resource = cluster.resource(namespace, name)
        here = place(resource)
        first = first or here
        if not _meant(verb, first, here):
            raise Trouble(
                f"{namespace}/{name} has moved on from {_text(first)} to {_text(here)}: look, and say it again"
            )
        said = word(*here, version)
        try:
            cluster.annotate(resource, annotation(verb), said)
        except Conflict:
            continue
        return Asked(namespace=namespace, name=name, verb=verb, word=said, uid=resource["metadata"]["uid"])
    raise Trouble(f"{namespace}/{name} was changed between reading and writing, {_TRIES} times: say it again")


def _meant(verb: Verb, first: tuple[int, int], here: tuple[int, int]) -> bool:
    """Whether the place is still the one that was meant: a step more matters to who goes on from a step alone."""
    return here == first if verb is Verb.PROMOTE else here[0] == first[0]


def _text(where: tuple[int, int]) -> str:
    return f"attempt {where[0]}, step {where[1]}"


def wait(cluster: Cluster, asked: Asked, seconds: float) -> tuple[Heard | None, Object]:
    """What the controller made of a word, at most that long; None: nothing yet. With the status as seen last."""
    deadline = time.monotonic() + seconds
    while True:
        resource = cluster.resource(asked.namespace, asked.name)
        if resource["metadata"]["uid"] != asked.uid:
            raise Trouble(f"{asked.namespace}/{asked.name} was deleted and made again meanwhile")
        status: Object = resource.get("status") or {}
        found = heard(status, asked.verb, asked.word)
        if found or time.monotonic() >= deadline:
            return found, status
        time.sleep(_LOOK_SECONDS)
