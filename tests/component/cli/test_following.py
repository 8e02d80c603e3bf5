"""The watches behind the live view, against an API server that misbehaves on purpose: a script over real HTTP."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration

from penstock_cli.cluster import Cluster, itself
from penstock_cli.connection import Connection
from penstock_cli.following import Following

SECONDS = 20.0
Answer = tuple[int, list[dict[str, Any]]]


def item(step: int) -> dict[str, Any]:
    return {"metadata": {"uid": "u", "name": "model", "resourceVersion": str(step)}, "step": step}


def page(step: int) -> Answer:
    return 200, [{"items": [item(step)], "metadata": {"resourceVersion": str(step)}}]


def events(*told: tuple[str, int]) -> Answer:
    return 200, [{"type": kind, "object": item(step)} for kind, step in told]


EXPIRED: Answer = (200, [{"type": "ERROR", "object": {"code": 410, "message": "too old"}}])
BROKEN: Answer = (500, [{"message": "scripted"}])


class Script:
    """Answers in their order, each once; then watches that never say anything."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[str] = []
        self.over = threading.Event()
        self.url = ""

    def answer(self, path: str) -> Answer | None:
        self.asked.append(path)
        return self.answers.pop(0) if self.answers else None


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = script.answer(self.path)
            self.send_response(found[0] if found else 200)
            self.end_headers()
            if found is None:
                script.over.wait(SECONDS)
                return
            for each in found[1]:
                self.wfile.write(json.dumps(each).encode() + b"\n")

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script.url = f"http://127.0.0.1:{server.server_port}"
    yield script
    script.over.set()
    server.shutdown()


@pytest.fixture
def seen(script: Script) -> Iterator[Callable[[int], list[str]]]:
    """Follow from now on, until an item has come that far; answers the problems that were told on the way."""
    configuration = Configuration()
    configuration.host = script.url
    configuration.retries = 0
    news = threading.Event()
    problems: list[str] = []

    def changed() -> None:
        if following.problem():
            problems.append(following.problem())
        news.set()

    following = Following(Cluster(Connection(ApiClient(configuration))), itself("users", "model"), changed)

    def until(step: int) -> list[str]:
        following.start()
        while [each["step"] for each in following.items() or ()] != [step]:
            assert news.wait(SECONDS), script.asked
            news.clear()
        return problems

    yield until
    following.stop()


def test_a_watch_that_ends_is_renewed_from_where_it_was(script: Script, seen: Callable[[int], list[str]]) -> None:
    script.answers = [page(1), events(("MODIFIED", 2)), events(("BOOKMARK", 5)), events(("MODIFIED", 6))]
    assert seen(6) == []
    assert [path.partition("resourceVersion=")[2].partition("&")[0] for path in script.asked[:4]] == ["", "1", "2", "5"]


def test_a_version_that_is_forgotten_is_listed_anew(script: Script, seen: Callable[[int], list[str]]) -> None:
    script.answers = [page(1), EXPIRED, page(7)]
    assert seen(7) == []


def test_errors_are_told_and_what_was_seen_stays_until_it_answers_again(
    script: Script, seen: Callable[[int], list[str]]
) -> None:
    script.answers = [page(1), BROKEN, BROKEN, page(8)]
    problems = seen(8)
    assert len(problems) == 2
    assert all("HTTP 500: scripted" in problem for problem in problems)
