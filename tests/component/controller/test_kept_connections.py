"""A server that closes a kept connection at the moment of the next request, as servers do with idle ones."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from penstock_contracts.model_card import KeptAnswer
from penstock_controller.adapters.kept_connections import sent
from penstock_controller.adapters.model_store import HttpModelStore
from penstock_controller.adapters.registry_connection import RegistryConnection
from penstock_controller.errors import RegistryAway
from penstock_testing.faulty_server import FaultyExchange, FaultyServer


class ClosesEverySecond:
    """Each odd request is answered, and its connection kept; each even one finds it closed."""

    def __init__(self, body: bytes) -> None:
        self.asked = 0
        self._body = body

    async def __call__(self, exchange: FaultyExchange) -> None:
        self.asked += 1
        if self.asked % 2:
            await exchange.answer(self._body)
        else:
            exchange.writer.close()


async def closes(exchange: FaultyExchange) -> None:
    exchange.writer.close()


@pytest.fixture
async def server() -> AsyncIterator[FaultyServer]:
    every_second = ClosesEverySecond(KeptAnswer(missing=()).model_dump_json().encode())
    async with FaultyServer({"/": every_second, "/v1/kept": every_second, "/closes": closes}) as server:
        yield server


async def test_a_registry_that_closes_idle_connections_is_not_away(server: FaultyServer, tmp_path: Path) -> None:
    connection = RegistryConnection("default", f"http://127.0.0.1:{server.port}", tmp_path)
    statuses = [(await connection.call("GET", "/", query={})).status for _ in range(3)]
    assert statuses == [200, 200, 200]
    assert server.requests == 5


async def test_a_write_that_may_not_be_repeated_is_sent_once(server: FaultyServer, tmp_path: Path) -> None:
    connection = RegistryConnection("default", f"http://127.0.0.1:{server.port}", tmp_path)
    with pytest.raises(RegistryAway, match="connection broke"):
        await connection.call("POST", "/closes", body={})
    assert server.requests == 1


async def test_a_server_that_only_closes_is_asked_twice_and_no_more(server: FaultyServer, tmp_path: Path) -> None:
    connection = RegistryConnection("default", f"http://127.0.0.1:{server.port}", tmp_path)
    with pytest.raises(RegistryAway, match="connection broke"):
        await connection.call("GET", "/closes", query={})
    assert server.requests == 2


async def test_a_store_that_closes_idle_connections_is_not_away(server: FaultyServer) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
        store = HttpModelStore(client, keeper="test")
        for _ in range(3):
            await store.keep(frozenset())
    assert server.requests == 5


async def test_half_an_answer_is_not_asked_for_again(server: FaultyServer) -> None:
    asked = []

    async def half(exchange: FaultyExchange) -> None:
        asked.append(exchange)
        await exchange.reset_in_the_middle()

    async with FaultyServer({"/": half}) as broken, httpx.AsyncClient(trust_env=False) as client:
        request = client.build_request("GET", f"http://127.0.0.1:{broken.port}/")
        with pytest.raises(httpx.HTTPError):
            async with aclosing(await sent(client, request)) as answer:
                await answer.aread()
    assert len(asked) == 1
