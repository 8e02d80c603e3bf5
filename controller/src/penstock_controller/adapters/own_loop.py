"""An event loop on a thread of its own: a name server that hangs holds up only what runs there."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

_T = TypeVar("_T")


class OwnLoop:
    """Runs until the process ends."""

    def __init__(self, name: str, *, look_ups: int) -> None:
        """`name`: of its thread. `look_ups`: names that are looked up at the same time."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(look_ups, thread_name_prefix=f"names-of-{name}"))
        threading.Thread(target=self._loop.run_forever, name=name, daemon=True).start()

    async def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Have something done there, and wait for it. Raises what it raises; a cancellation reaches it."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
