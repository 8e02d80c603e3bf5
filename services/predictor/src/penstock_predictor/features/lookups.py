"""Keys that wait to be looked up, and the calls that do it: one for all that are there.

As runs of the model do, calls form from load alone: what arrived in one turn of the event loop joins one call, and what
arrives while all calls are under way joins the next.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from penstock_contracts.features import FeatureLookup
from penstock_contracts.model_card import Column
from penstock_predictor.features.feature_server import FeatureServer
from penstock_predictor.features.online_answer import found_values, question
from penstock_predictor.features.plan import Found, Key, LookupPlan
from penstock_predictor.features.unavailable import Cause, FeaturesUnavailable
from penstock_predictor.metrics import PredictorMetrics
from penstock_predictor.settings import PredictorSettings

MOST_KEYS: Final = 64
"""Of one call: more of them take a server longer than a request waits. A request with more has several calls."""
CALLS: Final = 4
"""Under way at once, each on a connection of its own."""

Then = Callable[[Sequence[Found]], None]
"""Told what was found, for each key in their order."""


class _Part:
    """Keys of one request that are looked up by one call."""

    __slots__ = ("begin", "deadline", "keys", "request")

    def __init__(self, request: "_Request", keys: Sequence[Key], begin: int, deadline: float) -> None:
        self.request = request
        self.keys = keys
        self.begin = begin
        self.deadline = deadline


class _Request:
    __slots__ = ("found", "left", "then")

    def __init__(self, keys: int, then: Then) -> None:
        self.found: list[Found] = [_LOST] * keys
        self.left = keys
        self.then = then

    def take(self, begin: int, found: Sequence[Found]) -> None:
        self.found[begin : begin + len(found)] = found
        self.left -= len(found)
        if self.left == 0:
            self.then(self.found)


_LOST: Final = FeaturesUnavailable(Cause.CONNECTION, "the look-up was given up")


class FeatureLookups:
    """Of one process. Used on the event loop only; admission bounds how many wait."""

    def __init__(self, plan: LookupPlan, server: FeatureServer, metrics: PredictorMetrics, seconds: float) -> None:
        """`seconds`: that a request waits at most, for each MOST_KEYS of its keys."""
        self.plan = plan
        self.metrics = metrics
        self._server = server
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Part] = deque()
        self._calls: set[asyncio.Task[None]] = set()
        self._due = False

    @classmethod
    def of(
        cls,
        lookup: FeatureLookup,
        columns: Sequence[Column],
        settings: PredictorSettings,
        metrics: PredictorMetrics,
    ) -> "FeatureLookups":
        """As this process was told."""
        seconds = settings.features_timeout_seconds
        plan = LookupPlan(lookup, columns, needs_store=settings.features_on_unavailable == "Reject")
        return cls(plan, FeatureServer(settings.features_url, seconds), metrics, seconds)

    def start(self) -> None:
        """Begin a connection, and series of the columns."""
        self.metrics.name_features(self.plan.names)
        self._server.warm_up()

    def submit(self, keys: Sequence[Key], then: Then) -> None:
        """Look keys up."""
        request, now = _Request(len(keys), then), self._loop.time()
        for begin in range(0, len(keys), MOST_KEYS):
            now += self._seconds
            self._queue.append(_Part(request, keys[begin : begin + MOST_KEYS], begin, now))
        self._turn_soon()

    def close(self) -> None:
        """Drop what is under way; tell nobody."""
        self._queue.clear()
        for call in self._calls:
            call.cancel()
        self._server.close()

    def _turn_soon(self) -> None:
        if not self._due and self._queue and len(self._calls) < CALLS:
            self._due = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._due = False
        while self._queue and len(self._calls) < CALLS:
            parts = self._take()
            call = self._loop.create_task(self._call(parts))
            self._calls.add(call)
            call.add_done_callback(self._end)

    def _end(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._turn_soon()

    def _take(self) -> list[_Part]:
        parts = [self._queue.popleft()]
        keys = len(parts[0].keys)
        while self._queue and keys + len(self._queue[0].keys) <= MOST_KEYS:
            parts.append(self._queue.popleft())
            keys += len(parts[-1].keys)
        return parts

    async def _call(self, parts: Sequence[_Part]) -> None:
        keys = list(dict.fromkeys(key for part in parts for key in part.keys))
        started = self._loop.time()
        outcome = "answered"
        try:
            found = await self._look_up(keys, min(part.deadline for part in parts))
        except FeaturesUnavailable as error:
            found, outcome = dict.fromkeys(keys, error), str(error.cause)
        self.metrics.count_feature_call(outcome, self._loop.time() - started)
        for part in parts:
            part.request.take(part.begin, [found[key] for key in part.keys])

    async def _look_up(self, keys: list[Key], deadline: float) -> dict[Key, Found]:
        plan = self.plan
        body = question(plan.service, plan.references, plan.entities, keys)
        answer = await self._server.ask(body, deadline)
        try:
            found = found_values(answer, plan.references, len(keys))
        except FeaturesUnavailable as error:
            self._server.fail(error)
            raise
        return dict(zip(keys, zip(*(found[reference] for reference in plan.references), strict=True), strict=True))
