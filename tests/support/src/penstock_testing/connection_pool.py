"""Warm connections for requests that are due. Opening one is not a request, and a failed open is nobody's failure."""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from penstock_testing.connection import TrafficConnection

FIRST_BACK_OFF = 0.02
LONGEST_BACK_OFF = 0.5


@dataclass(frozen=True, kw_only=True)
class PoolLimits:
    """How many connections, and how long opening one may take."""

    warm: int
    """Kept open also when no request needs them."""
    most: int
    """Never more, however many requests are waiting for an answer."""
    connect_seconds: float
    lifetime_seconds: float
    """About how long a connection is used (half to one and a half of it). A balancer chooses a server for each new
    connection: without new ones, a server that came later would get no request."""


@dataclass(kw_only=True)
class PoolCounts:
    """What happened to connections, apart from what happened to requests."""

    opened: int = 0
    failed_opens: int = 0
    closed: int = 0
    """By either side, with or without a request on them."""


class ConnectionPool:
    """Hands out idle connections in turn, so that all of them, and all servers behind them, get requests."""

    def __init__(self, *, host: str, port: int, limits: PoolLimits, clock: Callable[[], float]) -> None:
        self._host, self._port, self._limits, self._clock = host, port, limits, clock
        self._idle: deque[TrafficConnection] = deque()
        self._open: dict[TrafficConnection, float] = {}
        """With the time after which each is used no more."""
        self._jitter = random.Random(1)
        self._opening: set[asyncio.Task[None]] = set()
        self._waiting: deque[asyncio.Future[TrafficConnection | None]] = deque()
        self._changed = asyncio.Event()
        self._warm = asyncio.Event()
        self._not_before = 0.0
        self._back_off = FIRST_BACK_OFF
        self._keeper: asyncio.Task[None] | None = None
        self.counts = PoolCounts()

    async def start(self, *, within: float) -> int:
        """Open the warm connections, for at most `within` seconds; answer how many are open."""
        self._keeper = asyncio.create_task(self._keep())
        self._changed.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._warm.wait()
        return len(self._open)

    async def acquire(self, *, deadline: float) -> TrafficConnection | None:
        """An idle connection, or None when none can be had before `deadline`."""
        while True:
            connection = self._idle.popleft() if self._idle else await self._wait(deadline)
            if connection is None or connection.usable:
                return connection
            connection.close()

    def release(self, connection: TrafficConnection) -> None:
        """Take back a connection after its exchange; one that is of no more use is closed."""
        if not connection.usable:
            connection.close()
            self._changed.set()
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if len(self._idle) >= self._limits.warm or self._clock() > self._open[connection]:
            connection.close()
        else:
            self._idle.append(connection)

    async def close(self) -> None:
        """Close everything."""
        tasks = [task for task in (self._keeper, *self._opening) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._open):
            connection.close()

    async def _wait(self, deadline: float) -> TrafficConnection | None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[TrafficConnection | None] = loop.create_future()
        timer = loop.call_later(deadline - self._clock(), _give_up, waiter)
        self._waiting.append(waiter)
        self._changed.set()
        try:
            return await waiter
        finally:
            timer.cancel()
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def _missing(self) -> int:
        opening = len(self._opening)
        wanted = max(self._limits.warm - len(self._open), len(self._waiting)) - opening
        return min(wanted, self._limits.most - len(self._open) - opening)

    async def _keep(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            pause = self._not_before - self._clock()
            if pause > 0:
                await asyncio.sleep(pause)
            for _ in range(self._missing()):
                task = asyncio.create_task(self._open_one())
                self._opening.add(task)
                task.add_done_callback(self._opened)

    async def _open_one(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                _, connection = await loop.create_connection(self._connection, self._host, self._port)
        except OSError:  # TimeoutError is one too
            self.counts.failed_opens += 1
            self._step_back()
            return
        self.counts.opened += 1
        if not connection.usable:  # closed again before this task went on
            self._step_back()
            return
        self._back_off = FIRST_BACK_OFF
        lifetime = self._limits.lifetime_seconds * self._jitter.uniform(0.5, 1.5)
        self._open[connection] = self._clock() + lifetime
        self.release(connection)
        if len(self._open) >= self._limits.warm:
            self._warm.set()

    def _connection(self) -> TrafficConnection:
        return TrafficConnection(clock=self._clock, on_lost=self._lost)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        self._changed.set()

    def _step_back(self) -> None:
        now = self._clock()
        # Many opens fail at the same moment: they make one step of the back-off, not many.
        if now >= self._not_before:
            self._not_before = now + self._back_off
            self._back_off = min(2 * self._back_off, LONGEST_BACK_OFF)

    def _lost(self, connection: TrafficConnection) -> None:
        self._open.pop(connection, None)
        if connection in self._idle:
            self._idle.remove(connection)
        self.counts.closed += 1
        if connection.answers == 0:
            self._step_back()  # a server that accepts and closes must not be hammered
        self._changed.set()


def _give_up(waiter: asyncio.Future[TrafficConnection | None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
