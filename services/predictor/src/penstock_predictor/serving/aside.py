"""A thread for what takes long and is not the model: reading and writing the text of large bodies."""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from penstock_predictor.errors import Overloaded, RequestError, as_refusal

_T = TypeVar("_T")


class Aside:
    """One thread: more of them would only contend for the interpreter. Used on the event loop."""

    def __init__(self, max_waiting: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="aside")
        self._max_waiting = max_waiting
        self._waiting = 0

    def run(self, job: Callable[[], _T], then: Callable[[_T], None], otherwise: Callable[[RequestError], None]) -> None:
        """Do a job in the thread, then tell its result on the event loop, or otherwise what it raised."""
        if self._waiting >= self._max_waiting:
            otherwise(Overloaded(f"{self._waiting} large bodies wait to be read or written: try again", "bytes"))
            return
        self._waiting += 1
        future = self._loop.run_in_executor(self._pool, job)
        future.add_done_callback(functools.partial(self._ended, then, otherwise))

    async def result(self, job: Callable[[], _T]) -> _T:
        """Do a job in the thread; return what it does. Raises what it raises as a RequestError, and Overloaded."""
        told: asyncio.Future[_T] = self._loop.create_future()

        def then(result: _T) -> None:
            if not told.done():  # its caller was cancelled meanwhile
                told.set_result(result)

        def otherwise(error: RequestError) -> None:
            if not told.done():
                told.set_exception(error)

        self.run(job, then, otherwise)
        return await told

    def close(self) -> None:
        """Drop what has not begun; do not wait for what has."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ended(
        self, then: Callable[[_T], None], otherwise: Callable[[RequestError], None], done: "asyncio.Future[_T]"
    ) -> None:
        self._waiting -= 1
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            then(done.result())
        else:
            otherwise(as_refusal(error))
