"""The store hears a complete list or nothing, and what goes wrong ends nothing."""

import asyncio
from collections.abc import Sequence

import pytest

from penstock_controller.errors import ClusterAway, StoreAway
from penstock_controller.store_keeper import StoreKeeper


class Cluster:
    """Answers each listing with the next of `answers`, and is out of answers after the last."""

    def __init__(self, answers: Sequence[frozenset[str] | Exception]) -> None:
        self._answers = list(answers)

    async def digests(self) -> frozenset[str]:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def spent(self) -> bool:
        return not self._answers


class Shelf:
    def __init__(self, fails: Sequence[Exception | None]) -> None:
        self._fails = list(fails)
        self.heard: list[frozenset[str]] = []

    async def keep(self, named: frozenset[str]) -> None:
        if self._fails and (failure := self._fails.pop(0)):
            raise failure
        self.heard.append(named)


async def spoken(cluster: Cluster, shelf: Shelf) -> list[frozenset[str]]:
    async def pause(_: float) -> None:
        if cluster.spent:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await StoreKeeper(cluster, shelf, interval=1, pause=pause).run()
    return shelf.heard


async def test_each_word_is_a_whole_list() -> None:
    lists = [frozenset({"a", "b"}), frozenset({"b"})]

    assert await spoken(Cluster(lists), Shelf([])) == lists


async def test_without_a_list_nothing_is_said() -> None:
    cluster = Cluster([ClusterAway("list: timed out"), ValueError("odd answer"), frozenset({"a"})])

    assert await spoken(cluster, Shelf([])) == [frozenset({"a"})]


async def test_a_store_that_is_away_is_told_the_next_time() -> None:
    cluster = Cluster([frozenset({"a"}), frozenset({"a"})])

    assert await spoken(cluster, Shelf([StoreAway("refused")])) == [frozenset({"a"})]
