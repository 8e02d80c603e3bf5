"""The open loop: each request leaves at its time, whatever became of the ones before, and exactly once."""

import asyncio
import time
from collections.abc import Callable

from penstock_contracts.names import HEADER_DIGEST, HEADER_REQUEST_ID, HEADER_REVISION
from penstock_testing.connection import Failure, TrafficAnswer
from penstock_testing.connection_pool import ConnectionPool, PoolLimits
from penstock_testing.plan import TrafficPlan
from penstock_testing.record import RequestRecord, Stamp
from penstock_testing.recording import RecordingWriter

FLUSH_SECONDS = 0.2


class Driver:
    """Sends a plan's requests and records how each ended."""

    def __init__(
        self,
        plan: TrafficPlan,
        writer: RecordingWriter,
        *,
        clock: Callable[[], float] = time.monotonic,
        unix: Callable[[], float] = time.time,
    ) -> None:
        self._plan, self._writer, self._clock, self._unix = plan, writer, clock, unix
        self._schedule = plan.schedule()
        host_header = plan.host_header or f"{plan.host}:{plan.port}"
        self._requests = [request.rendered(host_header) for request in plan.requests]
        limits = PoolLimits(
            warm=plan.warm_connections,
            most=max(plan.warm_connections, plan.max_connections),
            connect_seconds=plan.connect_seconds,
            lifetime_seconds=plan.connection_seconds,
        )
        self._pool = ConnectionPool(host=plan.host, port=plan.port, limits=limits, clock=clock)
        self.started = asyncio.Event()
        """Set when the first request is about to be due."""
        self._stopped = asyncio.Event()
        self._in_flight: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Send nothing more; what was sent still runs to its answer or its deadline."""
        self._stopped.set()

    async def run(self) -> None:
        """Warm up, send everything that becomes due, and return when every request has its record."""
        warm = await self._pool.start(within=self._plan.warm_up_seconds)
        start = self._now()
        self._writer.started(start, warm=warm)
        self.started.set()
        flusher = asyncio.create_task(self._flush())
        try:
            await self._send_all(start)
            await asyncio.gather(*self._in_flight)
        finally:
            flusher.cancel()
            await self._pool.close()
            counts = self._pool.counts
            self._writer.ended(
                self._now(),
                opened=counts.opened,
                failed_opens=counts.failed_opens,
                closed=counts.closed,
            )

    async def _send_all(self, start: Stamp) -> None:
        for number, offset in enumerate(self._schedule.offsets()):
            due = Stamp(start.monotonic + offset, start.unix + offset)
            if await self._stopped_before(due.monotonic):
                return
            task = asyncio.create_task(self._send(number, due))
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)

    async def _stopped_before(self, due: float) -> bool:
        wait = due - self._clock()
        if wait > 0 and not self._stopped.is_set():
            try:
                async with asyncio.timeout(wait):
                    await self._stopped.wait()
            except TimeoutError:
                pass
        elif wait <= 0:
            await asyncio.sleep(0)  # behind schedule: answers are still read between two requests
        return self._stopped.is_set()

    async def _send(self, number: int, due: Stamp) -> None:
        dispatched = self._clock()
        deadline = due.monotonic + self._plan.deadline_seconds
        question = number % len(self._requests)
        sent, port = None, 0
        connection = await self._pool.acquire(deadline=deadline)
        if connection is None:
            answer = TrafficAnswer(ended=self._clock(), failure=Failure.NO_CONNECTION)
        else:
            sent, port = self._now(), connection.local_port
            answer = await connection.exchange(self._requests[question], deadline=deadline)
            self._pool.release(connection)
        self._writer.record(
            RequestRecord(
                number=number,
                question=question,
                scheduled=due,
                dispatched=dispatched,
                sent=sent,
                ended=Stamp(answer.ended, self._unix()),
                status=answer.status,
                failure=_failure(answer),
                body=self._writer.body(answer.body) if answer.failure is None else "",
                revision=answer.headers.get(HEADER_REVISION, ""),
                digest=answer.headers.get(HEADER_DIGEST, ""),
                request_id=answer.headers.get(HEADER_REQUEST_ID, ""),
                local_port=port,
            ),
        )

    def _now(self) -> Stamp:
        return Stamp(self._clock(), self._unix())

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self._writer.flush()


def _failure(answer: TrafficAnswer) -> str:
    if answer.failure is not None:
        return answer.failure.value
    return "" if 200 <= answer.status < 300 else Failure.NOT_2XX.value
