"""A verb: one annotation, and what the controller makes of it. Whether it makes sense is the controller's to say."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from penstock_cli.cluster import Cluster
from penstock_cli.connection import Object
from penstock_cli.errors import Conflict, Trouble, Unheard
from penstock_cli.handled import Answer, answer_to, is_handled
from penstock_contracts.verbs import Verb, annotation, word

_TRIES = 8
"""The controller writes the status of a rollout often: each of its writes in between is another try."""
_LOOK_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a person wants of a resource."""

    namespace: str
    name: str
    verb: Verb
    version: str = ""
    """For `undo`; empty: the one that served before."""

    def word(self, resource: Object) -> str:
        """In words of the place where the resource stands."""
        return word(*place(resource), self.version)


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


def ask(cluster: Cluster, wish: Wish) -> Asked:
    """Say a word of the place where the resource stands when it is said. Raises Trouble where it is not said."""
    first: tuple[int, int] | None = None
    for _ in range(_TRIES):
        resource = cluster.resource(wish.namespace, wish.name)
        first = first or place(resource)
        _check_meant(wish, first, place(resource))
        said, uid = wish.word(resource), resource["metadata"]["uid"]
        try:
            cluster.annotate(resource, annotation(wish.verb), said)
        except Conflict:
            continue
        return Asked(namespace=wish.namespace, name=wish.name, verb=wish.verb, word=said, uid=uid)
    raise Trouble(f"{wish.namespace}/{wish.name} was changed between reading and writing {_TRIES} times: say it again")


def _check_meant(wish: Wish, first: tuple[int, int], here: tuple[int, int]) -> None:
    """Whether the place is still the one that was meant: a step more matters to who goes on from a step alone."""
    meant = here == first if wish.verb is Verb.PROMOTE else here[0] == first[0]
    if not meant:
        where = f"{wish.namespace}/{wish.name}"
        raise Trouble(f"{where} has moved on from {_text(first)} to {_text(here)}: look, and say it again")


def _text(where: tuple[int, int]) -> str:
    return f"attempt {where[0]}, step {where[1]}"


def take_back(cluster: Cluster, wish: Wish, seconds: float) -> None:
    """Where the same was said and heard before: have the controller forget it, so that it may be said again.

    Raises Unheard, Trouble.
    """

    def forgotten() -> bool:
        resource = cluster.resource(wish.namespace, wish.name)
        if not is_handled(resource.get("status") or {}, wish.verb, wish.word(resource)):
            return True
        with suppress(Conflict):
            cluster.annotate(resource, annotation(wish.verb), None)
        return False

    if not _until(forgotten, seconds):
        raise Unheard(f"the controller does not forget the last {wish.verb.value} within {seconds:g} s: it may be away")


def answer(cluster: Cluster, asked: Asked, seconds: float) -> Answer:
    """What the controller made of a word. Raises Unheard, Trouble."""
    found: list[Answer] = []

    def heard() -> bool:
        resource = cluster.resource(asked.namespace, asked.name)
        if resource["metadata"]["uid"] != asked.uid:
            raise Trouble(f"{asked.namespace}/{asked.name} was deleted and made again meanwhile")
        status = resource.get("status") or {}
        if is_handled(status, asked.verb, asked.word):
            found.append(answer_to(status, asked.verb))
        return bool(found)

    if not _until(heard, seconds):
        raise Unheard(
            f"not heard within {seconds:g} s: the controller may be away. It acts on it when it is back, if "
            f"{asked.namespace}/{asked.name} still stands at {asked.word} then"
        )
    return found[0]


def _until(holds: Callable[[], bool], seconds: float) -> bool:
    """Look until it holds, at most that long and at least once."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True
