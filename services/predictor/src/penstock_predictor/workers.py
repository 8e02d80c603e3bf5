"""Threads in which requests are computed, so that the event loop stays free for health, metrics and other callers."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from penstock_predictor.admission import Slot
from penstock_predictor.deadline import Deadline

_T = TypeVar("_T")


class Workers:
    """A pool of `threads`; its queue is bounded by admission, from which every job holds a slot."""

    def __init__(self, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="inference")

    async def run(self, job: Callable[[], _T], *, slot: Slot, deadline: Deadline) -> _T:
        """Compute a job. The slot is given back when the job ends, which may be after its caller got a 504.

        Raises DeadlineExceeded, and what the job raises.
        """

        def unless_late() -> _T:
            deadline.check()  # it waited in the queue for too long: nobody reads the answer any more
            return job()

        future = self._executor.submit(unless_late)
        future.add_done_callback(_leave(slot))
        try:
            async with asyncio.timeout(deadline.left):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise deadline.exceeded() from None

    def close(self) -> None:
        """Drop what has not begun; do not wait for what has."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _leave(slot: Slot) -> Callable[[Future[_T]], None]:
    return lambda _: slot.leave()
