"""The watch against an API server that misbehaves on purpose: a script of answers over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration

from penstock_gateway.api_server.latest_snapshot import LatestSnapshot
from penstock_gateway.api_server.watch import ENDPOINT_SLICES, MODEL_DEPLOYMENTS, KindWatch, WatchedKind, WatchTimeouts
from penstock_testing.gateway.objects import model_deployment

TIMEOUTS = WatchTimeouts(
    connect=1.0, list_total=1.0, watch_server=1, watch_silence=0.5, retry_first=0.01, retry_last=0.05
)
WAIT = 20.0

Answer = Callable[[web.Request], Any]


def page(*items: Mapping[str, Any], version: str = "10", more: str = "") -> Answer:
    body = {"items": list(items), "metadata": {"resourceVersion": version, "continue": more}}
    return lambda _: web.json_response(body)


def failure(status: int) -> Answer:
    return lambda _: web.Response(status=status, text="scripted")


def stream(*events: Mapping[str, Any], silent: float = 0.0) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for event in events:
            await response.write(json.dumps(event).encode() + b"\n")
        await asyncio.sleep(silent)
        return response

    return answer


def event(kind: str, item: Mapping[str, Any], version: str) -> dict[str, Any]:
    return {"type": kind, "object": {**item, "metadata": {**item["metadata"], "resourceVersion": version}}}


class ScriptedServer:
    """Lists and watches are answered from two scripts; at a script's end its last answer is given again."""

    def __init__(self) -> None:
        self.lists: list[Answer] = []
        self.watches: list[Answer] = []
        self.asked: list[Mapping[str, str]] = []
        self.paths: list[str] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.query))
        self.paths.append(request.path)
        script = self.watches if request.query.get("watch") else self.lists
        answer = (script.pop(0) if len(script) > 1 else script[0])(request)
        response: web.StreamResponse = await answer if asyncio.iscoroutine(answer) else answer
        return response

    def watched_from(self) -> list[str]:
        return [query["resourceVersion"] for query in self.asked if "watch" in query]


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    scripted = ScriptedServer()
    app = web.Application()
    app.router.add_get("/{path:.*}", scripted.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    scripted.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield scripted
    await runner.cleanup()


async def watch_until(
    server: ScriptedServer,
    done: Callable[[LatestSnapshot], bool],
    *,
    kind: WatchedKind = MODEL_DEPLOYMENTS,
    namespace: str = "",
) -> LatestSnapshot:
    latest = LatestSnapshot(asyncio.get_running_loop().time)
    async with ApiClient(Configuration(host=server.url)) as api:
        watcher = KindWatch(api=api, kind=kind, namespace=namespace, latest=latest, timeouts=TIMEOUTS)
        task = asyncio.create_task(watcher.run())
        try:
            async with asyncio.timeout(WAIT):
                while not done(latest):  # noqa: ASYNC110 - the condition is on what the server was asked
                    await asyncio.sleep(0.01)
        finally:
            task.cancel()
    return latest


def numbers(latest: LatestSnapshot) -> Sequence[int] | None:
    desired = latest.snapshot.desired
    return None if desired is None else [one.split.number for one in desired.values() if one.split]


def deployment(number: int) -> dict[str, Any]:
    return model_deployment({"r1": 100}, number=number)


async def test_pages_are_put_together_before_anything_is_believed(server: ScriptedServer) -> None:
    server.lists = [page(deployment(1), more="next"), page(model_deployment({}, number=2, name="other"))]
    server.watches = [stream(silent=0.1)]
    latest = await watch_until(server, lambda seen: seen.snapshot.desired is not None)
    assert numbers(latest) == [1, 2]
    assert [query.get("continue") for query in server.asked[:2]] == [None, "next"]


async def test_added_modified_deleted(server: ScriptedServer) -> None:
    other = model_deployment({}, number=9, name="other")
    server.lists = [page(deployment(1))]
    events = (
        event("MODIFIED", deployment(2), "11"),
        event("ADDED", other, "12"),
        event("DELETED", deployment(2), "13"),
    )
    server.watches = [stream(*events), stream(silent=0.1)]
    latest = await watch_until(server, lambda _: len(server.watched_from()) > 1)
    assert numbers(latest) == [9]
    assert server.watched_from()[:2] == ["10", "13"]


async def test_a_bookmark_moves_on_without_a_change(server: ScriptedServer) -> None:
    server.lists = [page(deployment(1))]
    server.watches = [
        stream({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "77"}}}),
        stream(silent=0.1),
    ]
    await watch_until(server, lambda _: len(server.watched_from()) > 1)
    assert server.watched_from()[1] == "77"


@pytest.mark.parametrize(
    "gone",
    [failure(410), stream({"type": "ERROR", "object": {"code": 410, "message": "too old", "metadata": {}}})],
    ids=["as status", "as event"],
)
async def test_a_version_that_is_too_old_is_listed_again(server: ScriptedServer, gone: Answer) -> None:
    server.lists = [page(deployment(1)), page(deployment(2), version="50")]
    server.watches = [gone, stream(silent=0.1)]
    latest = await watch_until(server, lambda seen: numbers(seen) == [2])
    assert numbers(latest) == [2]


@pytest.mark.parametrize(
    "fault",
    [
        failure(500),
        failure(429),
        failure(403),
        stream({"type": "ERROR", "object": {"code": 500, "message": "etcd", "metadata": {}}}),
    ],
)
async def test_a_watch_that_fails_goes_on_where_it_was(server: ScriptedServer, fault: Answer) -> None:
    server.lists = [page(deployment(1)), failure(500)]
    server.watches = [fault, fault, stream(event("MODIFIED", deployment(2), "11")), stream(silent=0.1)]
    latest = await watch_until(server, lambda seen: numbers(seen) == [2])
    assert set(server.watched_from()[:3]) == {"10"}
    assert numbers(latest) == [2]


async def test_a_silent_server_is_left(server: ScriptedServer) -> None:
    """The machine of the API server is gone: no byte, no end."""
    server.lists = [page(deployment(1))]
    server.watches = [stream(silent=60), stream(event("MODIFIED", deployment(2), "11")), stream(silent=0.1)]
    assert numbers(await watch_until(server, lambda seen: numbers(seen) == [2])) == [2]


async def test_a_list_that_never_answers_is_left(server: ScriptedServer) -> None:
    server.lists = [stream(silent=60), page(deployment(1))]
    server.watches = [stream(silent=0.1)]
    assert numbers(await watch_until(server, lambda seen: numbers(seen) == [1])) == [1]


async def test_while_lists_fail_nothing_is_concluded(server: ScriptedServer) -> None:
    """The CRD is not there (404), or we may not read it (403): that is not an empty list."""
    server.lists = [failure(404), failure(403), failure(500)]
    server.watches = [stream(silent=0.1)]
    latest = await watch_until(server, lambda _: len(server.asked) > 5)
    assert latest.snapshot.desired is None


async def test_a_line_that_is_no_json_leads_to_a_new_list(server: ScriptedServer) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type": "MODI')
        return response

    server.lists = [page(deployment(1)), page(deployment(2))]
    server.watches = [broken, stream(silent=0.1)]
    assert numbers(await watch_until(server, lambda seen: numbers(seen) == [2])) == [2]


async def test_one_namespace_and_only_labelled_slices(server: ScriptedServer) -> None:
    server.lists = [page()]
    server.watches = [stream(silent=0.1)]
    await watch_until(server, lambda _: len(server.asked) > 1, kind=ENDPOINT_SLICES, namespace="payments")
    assert set(server.paths) == {"/apis/discovery.k8s.io/v1/namespaces/payments/endpointslices"}
    assert {query["labelSelector"] for query in server.asked} == {"penstock.dev/model-deployment"}
