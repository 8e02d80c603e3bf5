"""The driver against a real server on loopback: every fault ends in its word, every request in one count."""

import asyncio
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from penstock_contracts.base import evolve
from penstock_testing.driver import Driver
from penstock_testing.faulty_server import FaultyExchange, FaultyServer
from penstock_testing.plan import PlannedRequest, TrafficPlan
from penstock_testing.recording import RecordingReader, RecordingWriter
from penstock_testing.tally import Tally
from penstock_testing.traffic_result import TrafficResult

RATE, SECONDS = 100, 0.6
REQUESTS = 60


class Bodies:
    """Attribution that needs no model: the body is the version's name."""

    def attribute(self, question: int, body: str) -> str | None:
        return body if body in ("v1", "v2") else None


async def ok(exchange: FaultyExchange) -> None:
    await exchange.answer(b"v1")


async def closes(exchange: FaultyExchange) -> None:
    await exchange.answer(b"v1", headers=("Connection: close",))
    exchange.writer.close()


async def fails(exchange: FaultyExchange) -> None:
    await exchange.answer(b"broken", status=500)


async def lies(exchange: FaultyExchange) -> None:
    await exchange.answer(b"v3")


async def gives_interim_answer(exchange: FaultyExchange) -> None:
    exchange.writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
    await exchange.answer(b"v2")


async def answers_in_chunks(exchange: FaultyExchange) -> None:
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nv\r\n1\r\n2\r\n0\r\n\r\n")
    await exchange.writer.drain()


FAULTS = {
    "/ok": ok,
    "/closes": closes,
    "/500": fails,
    "/wrong": lies,
    "/interim": gives_interim_answer,
    "/chunked": answers_in_chunks,
    "/silent": FaultyExchange.silence,
    "/reset": FaultyExchange.reset_in_the_middle,
    "/garbage": FaultyExchange.garbage,
}


def plan(port: int, paths: list[str], folder: Path) -> TrafficPlan:
    return TrafficPlan(
        host="127.0.0.1",
        port=port,
        requests=tuple(PlannedRequest(path=path, body="{}") for path in paths),
        rate=RATE,
        seconds=SECONDS,
        deadline_seconds=1.0,
        warm_connections=4,
        warm_up_seconds=2.0,
        recording=folder / "recording.jsonl",
    )


async def drive(the_plan: TrafficPlan, during: Callable[[Driver], None] | None = None) -> TrafficResult:
    with the_plan.recording.open("w") as file:
        driver = Driver(the_plan, RecordingWriter(file))
        run = asyncio.create_task(driver.run())
        if during is not None:
            await driver.started.wait()
            during(driver)
        await run
    return tallied(the_plan)


def tallied(the_plan: TrafficPlan) -> TrafficResult:
    tally = Tally(Bodies(), deadline_seconds=the_plan.deadline_seconds)
    reader = RecordingReader(the_plan.recording)
    for entry in reader.entries():
        tally.add(entry)
    reader.close()
    return tally.result()


async def test_each_fault_ends_in_its_own_word_with_exact_counts(tmp_path: Path) -> None:
    paths = ["/ok", "/500", "/wrong", "/silent", "/reset", "/garbage"]
    async with FaultyServer(FAULTS) as server:
        result = await drive(plan(server.port, paths, tmp_path))
        assert server.requests == REQUESTS
    assert result.by_version == {"v1": 10}
    assert result.failed_by_reason == {
        "not 2xx: 500": 10,
        "wrong answer": 10,
        "past deadline": 10,
        "connection lost": 10,
        "not a valid HTTP answer": 10,
    }
    assert (result.sent, result.failed) == (REQUESTS, 50)


async def test_every_valid_form_of_an_answer_is_read(tmp_path: Path) -> None:
    async with FaultyServer(FAULTS) as server:
        result = await drive(plan(server.port, ["/ok", "/interim", "/chunked"], tmp_path))
    assert result.by_version == {"v1": 20, "v2": 40}
    assert result.failed == 0


async def test_connections_that_the_server_closes_after_an_answer_harm_no_request(tmp_path: Path) -> None:
    async with FaultyServer(FAULTS) as server:
        result = await drive(plan(server.port, ["/closes"], tmp_path))
        assert server.connections >= REQUESTS
        assert server.requests == REQUESTS
    assert (result.by_version, result.failed) == ({"v1": REQUESTS}, 0)


async def test_connections_dropped_while_idle_are_replaced_and_no_request_is_sent_twice(tmp_path: Path) -> None:
    async with FaultyServer(FAULTS) as server:
        result = await drive(plan(server.port, ["/ok"], tmp_path), lambda _: server.drop_connections())
        # Only a request that was on the wire at that moment may fail; none is on it twice.
        assert server.requests <= REQUESTS
    assert result.sent == REQUESTS
    assert set(result.failed_by_reason) <= {"connection lost"}
    assert result.by_version["v1"] >= REQUESTS - 1


async def test_live_connections_carry_all_requests_while_new_ones_are_refused(tmp_path: Path) -> None:
    async with FaultyServer(FAULTS) as server:
        result = await drive(plan(server.port, ["/ok"], tmp_path), lambda _: server.refuse_new_connections())
    assert (result.by_version, result.failed) == ({"v1": REQUESTS}, 0)


async def test_refused_opens_are_counted_apart_from_requests(tmp_path: Path) -> None:
    # Each answer of /closes costs one of the four connections, and no new one can be had.
    async with FaultyServer(FAULTS) as server:
        result = await drive(plan(server.port, ["/closes"], tmp_path), lambda _: server.refuse_new_connections())
        answered = server.requests
    assert result.by_version == {"v1": answered}
    assert result.failed_by_reason == {"no connection": REQUESTS - answered}
    assert 4 <= answered < REQUESTS
    assert result.failed_opens > 0


async def test_a_server_that_was_never_there_fails_every_request_and_ends(tmp_path: Path) -> None:
    async with FaultyServer(FAULTS) as server:
        port = server.port
    the_plan = evolve(plan(port, ["/ok"], tmp_path), warm_up_seconds=0.1)
    result = await drive(the_plan)
    assert result.failed_by_reason == {"no connection": REQUESTS}
    assert all(failure.sent is None for failure in result.failures)


async def test_connections_are_renewed_with_age_so_that_new_servers_get_requests(tmp_path: Path) -> None:
    async with FaultyServer(FAULTS) as server:
        the_plan = evolve(plan(server.port, ["/ok"], tmp_path), connection_seconds=0.05)
        result = await drive(the_plan)
        assert server.connections > the_plan.warm_connections
    assert (result.by_version, result.failed) == ({"v1": REQUESTS}, 0)


async def test_a_stopped_driver_sends_nothing_more_but_answers_what_was_sent(tmp_path: Path) -> None:
    async with FaultyServer(FAULTS) as server:
        the_plan = evolve(plan(server.port, ["/ok"], tmp_path), seconds=3600.0)
        result = await drive(the_plan, lambda driver: driver.stop())
        assert result.sent == server.requests
    assert result.by_version.get("v1", 0) == result.sent
    assert result.failed == 0


async def test_requests_wait_for_more_connections_when_answers_are_slow(tmp_path: Path) -> None:
    everyone_is_here = asyncio.Event()
    waiting = Counter[str]()

    async def answers_when_all_have_come(exchange: FaultyExchange) -> None:
        waiting["requests"] += 1
        if waiting["requests"] == REQUESTS:
            everyone_is_here.set()
        await everyone_is_here.wait()
        await exchange.answer(b"v1")

    async with FaultyServer({"/together": answers_when_all_have_come}) as server:
        the_plan = evolve(plan(server.port, ["/together"], tmp_path), deadline_seconds=30.0)
        result = await drive(the_plan)
        assert server.connections >= REQUESTS
    assert (result.by_version, result.failed) == ({"v1": REQUESTS}, 0)


def test_a_recording_keeps_equal_bodies_once() -> None:
    file = io.StringIO()
    writer = RecordingWriter(file)
    assert writer.body(b"same") == writer.body(b"same") != writer.body(b"other")
    assert len(file.getvalue().splitlines()) == 2
