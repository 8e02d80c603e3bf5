"""The watches behind the live view, against an API server that misbehaves on purpose: a script over real HTTP."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from penstock_cli.cluster_client import ClusterClient
from penstock_cli.informer import Informer
from penstock_cli.kubernetes_objects import KubernetesObject
from penstock_cli.listing import Listing
from penstock_testing.scripted_api import ScriptedAnswer, ScriptedApi

SECONDS = 20.0


def item(step: int) -> dict[str, Any]:
    return {"metadata": {"uid": "u", "name": "model", "resourceVersion": str(step)}, "step": step}


def page(step: int) -> ScriptedAnswer:
    return 200, [{"items": [item(step)], "metadata": {"resourceVersion": str(step)}}]


def events(*changes: tuple[str, int]) -> ScriptedAnswer:
    return 200, [{"type": kind, "object": item(step)} for kind, step in changes]


EXPIRED: ScriptedAnswer = (200, [{"type": "ERROR", "object": {"code": 410, "message": "too old"}}])
BROKEN: ScriptedAnswer = (500, [{"message": "scripted"}])


class Step(KubernetesObject):
    """What is followed."""

    step: int


STEPS = Listing(kind=Step, path="/steps", what="watch steps", selectors=())


@pytest.fixture
def follow(scripted_client: ClusterClient, scripted: ScriptedApi) -> Iterator[Callable[[int], list[str]]]:
    """Follow from now on, until an item has come that far; answers the problems on the way."""
    news = threading.Event()
    problems: list[str] = []

    def changed() -> None:
        if informer.problem():
            problems.append(informer.problem())
        news.set()

    informer = Informer(scripted_client, STEPS, changed)

    def until(step: int) -> list[str]:
        informer.start()
        while [each.step for each in informer.items() or ()] != [step]:
            assert news.wait(SECONDS), scripted.paths
            news.clear()
        return problems

    yield until
    informer.stop()


def test_a_watch_that_ends_is_renewed_from_where_it_was(
    scripted: ScriptedApi, follow: Callable[[int], list[str]]
) -> None:
    scripted.answers = [page(1), events(("MODIFIED", 2)), events(("BOOKMARK", 5)), events(("MODIFIED", 6))]
    assert follow(6) == []
    versions = [path.partition("resourceVersion=")[2].partition("&")[0] for path in scripted.paths[:4]]
    assert versions == [
        "",
        "1",
        "2",
        "5",
    ]


def test_a_version_that_is_forgotten_is_listed_anew(scripted: ScriptedApi, follow: Callable[[int], list[str]]) -> None:
    scripted.answers = [page(1), EXPIRED, page(7)]
    assert follow(7) == []


def test_errors_are_told_and_what_was_seen_stays_until_it_answers_again(
    scripted: ScriptedApi, follow: Callable[[int], list[str]]
) -> None:
    scripted.answers = [page(1), BROKEN, BROKEN, page(8)]
    problems = follow(8)
    assert len(problems) == 2
    assert all("HTTP 500: scripted" in problem for problem in problems)
