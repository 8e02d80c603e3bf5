"""The monitor port against a real HTTP server: what is sent, and every way in which an answer may not come."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from penstock_contracts.drift import DriftReason, DriftReport, DriftVerdict, DriftWish, ServedVersion
from penstock_contracts.quality import QualityReport, QualityTask, VersionQuality
from penstock_controller.adapters.drift_monitor import MOST_BYTES, HttpDriftMonitor
from penstock_controller.drift_watch import DriftWatch
from penstock_controller.errors import MonitorAway
from penstock_controller.ports import ResourceKey
from penstock_testing.faulty_server import FaultyExchange, FaultyServer

WISH = DriftWish(
    stable=ServedVersion(version="7", digest="sha256:" + "a" * 64, revision="rev7"),
    key_columns=("amount",),
)
SEEN: list[bytes] = []


def report(name: str) -> bytes:
    made = DriftReport(
        namespace="ns",
        name=name,
        dataset_drift=False,
        verdict=DriftVerdict.NO_DRIFT,
        reason=DriftReason.NO_DRIFT,
        message="",
    )
    return made.model_dump_json().encode()


async def good(exchange: FaultyExchange) -> None:
    SEEN.append(exchange.request_body)
    await exchange.answer(report("good"))


async def newer(exchange: FaultyExchange) -> None:
    """By a monitor that says more than is known here."""
    await exchange.answer(json.dumps(json.loads(report("newer")) | {"moods": [1]}).encode())


async def large(exchange: FaultyExchange) -> None:
    await exchange.answer(b" " * (MOST_BYTES + 1))


async def slow(exchange: FaultyExchange) -> None:
    """A byte now and then: each read is in time, the whole never is."""
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        exchange.writer.write(b" ")
        await exchange.writer.drain()
        await asyncio.sleep(0.02)


def quality(*labelled: int) -> bytes:
    versions = tuple(
        VersionQuality(
            version=str(number),
            digest="sha256:" + "a" * 64,
            answers=1000,
            labelled=each,
            coverage=None,
            lag_seconds=None,
            task=QualityTask.UNKNOWN,
        )
        for number, each in enumerate(labelled, start=1)
    )
    made = QualityReport(namespace="ns", name="good", versions=versions, differences=(), rows_limit=1000)
    return made.model_dump_json().encode()


FAULTS = {
    "/v1/quality/ns/good": lambda exchange: exchange.answer(quality(400, 90)),
    "/v1/quality/ns/unlabelled": lambda exchange: exchange.answer(quality()),
    "/v1/quality/ns/nonsense": lambda exchange: exchange.answer(b"[]"),
    "/v1/quality/ns/unknown": lambda exchange: exchange.answer(b"{}", status=404),
    "/v1/resources/ns/good": good,
    "/v1/resources/ns/newer": newer,
    "/v1/resources/ns/other": lambda exchange: exchange.answer(report("good")),
    "/v1/resources/ns/nonsense": lambda exchange: exchange.answer(b"<html>"),
    "/v1/resources/ns/unknown": lambda exchange: exchange.answer(b"{}", status=404),
    "/v1/resources/ns/refused": lambda exchange: exchange.answer(b"{}", status=422),
    "/v1/resources/ns/broken": lambda exchange: exchange.answer(b"", status=500),
    "/v1/resources/ns/moved": lambda exchange: exchange.answer(b"", status=302, headers=("Location: /v1/elsewhere",)),
    "/v1/resources/ns/reset": FaultyExchange.reset_in_the_middle,
    "/v1/resources/ns/garbage": FaultyExchange.garbage,
    "/v1/resources/ns/silent": FaultyExchange.silence,
    "/v1/resources/ns/large": large,
    "/v1/resources/ns/slow": slow,
}


@pytest.fixture
async def server() -> AsyncIterator[FaultyServer]:
    async with FaultyServer(FAULTS) as server:
        yield server


@pytest.fixture
async def client(server: FaultyServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
        yield client


async def test_the_monitor_is_told_whom_to_watch_and_answers_what_it_knows(client: httpx.AsyncClient) -> None:
    SEEN.clear()
    answer = await HttpDriftMonitor(client).ask(ResourceKey("ns", "good"), WISH)
    assert DriftWish.model_validate_json(SEEN[0]) == WISH
    assert answer.reason is DriftReason.NO_DRIFT


async def test_a_resource_is_asked_for_at_the_replica_that_holds_it(server: FaultyServer) -> None:
    def replica(key: ResourceKey) -> str:
        return f"http://127.0.0.1:{server.port}" if key == ResourceKey("ns", "good") else "http://127.0.0.1:1"

    async with httpx.AsyncClient(base_url="http://127.0.0.1:2", trust_env=False) as client:
        monitor = HttpDriftMonitor(client, base=replica)
        assert (await monitor.ask(ResourceKey("ns", "good"), WISH)).reason is DriftReason.NO_DRIFT
        with pytest.raises(MonitorAway, match="ConnectError"):
            await monitor.ask(ResourceKey("ns", "newer"), WISH)


async def test_what_a_newer_monitor_says_beside_is_let_pass(client: httpx.AsyncClient) -> None:
    assert (await HttpDriftMonitor(client).ask(ResourceKey("ns", "newer"), WISH)).verdict is DriftVerdict.NO_DRIFT


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("other", "about another resource"),
        ("nonsense", "not understood"),
        ("unknown", "answers 404"),
        ("refused", "answers 422"),
        ("broken", "answers 500"),
        ("moved", "answers 302"),
        ("reset", "does not answer"),
        ("garbage", "does not answer"),
        ("silent", r"within 0\.3 s"),
        ("large", "more than"),
        ("slow", r"within 0\.3 s"),
    ],
)
async def test_whatever_is_no_report_is_a_monitor_that_is_away(client: httpx.AsyncClient, name: str, told: str) -> None:
    with pytest.raises(MonitorAway, match=told):
        await HttpDriftMonitor(client, seconds=0.3).ask(ResourceKey("ns", name), WISH)


async def test_nobody_there_is_a_monitor_that_is_away(client: httpx.AsyncClient, server: FaultyServer) -> None:
    server.refuse_new_connections()
    with pytest.raises(MonitorAway, match="ConnectError"):
        await HttpDriftMonitor(client).ask(ResourceKey("ns", "good"), WISH)


@pytest.mark.parametrize("name", ["good", "unknown"])
async def test_what_the_monitor_does_not_have_is_dropped(
    client: httpx.AsyncClient, server: FaultyServer, name: str
) -> None:
    await HttpDriftMonitor(client).forget(ResourceKey("ns", name))
    assert server.requests == 1


@pytest.mark.parametrize("name", ["broken", "silent", "reset"])
async def test_dropping_that_was_not_answered_is_told(client: httpx.AsyncClient, name: str) -> None:
    with pytest.raises(MonitorAway):
        await HttpDriftMonitor(client, seconds=0.3).forget(ResourceKey("ns", name))


async def test_resources_for_which_the_monitor_hangs_keep_up_no_other(client: httpx.AsyncClient) -> None:
    woken: asyncio.Queue[ResourceKey] = asyncio.Queue()
    watch = DriftWatch(HttpDriftMonitor(client), woken.put_nowait)
    for name in ("silent", "slow", "good"):
        watch.follow(ResourceKey("ns", name), WISH, 1.0)
    working = asyncio.ensure_future(watch.run())
    try:
        assert await asyncio.wait_for(woken.get(), timeout=30) == ResourceKey("ns", "good")
        assert watch.follow(ResourceKey("ns", "good"), WISH, 1.0).finding
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


@pytest.mark.parametrize(("name", "labelled"), [("good", 400), ("unlabelled", 0)])
async def test_labelled_rows_are_those_of_the_version_that_has_most(
    client: httpx.AsyncClient, name: str, labelled: int
) -> None:
    """Of copies both versions' answers are labelled: they are not added up."""
    assert await HttpDriftMonitor(client).labelled(ResourceKey("ns", name)) == labelled


@pytest.mark.parametrize(("name", "told"), [("unknown", "answers 404"), ("nonsense", "not understood")])
async def test_labels_that_are_not_answered_are_told(client: httpx.AsyncClient, name: str, told: str) -> None:
    with pytest.raises(MonitorAway, match=told):
        await HttpDriftMonitor(client).labelled(ResourceKey("ns", name))
