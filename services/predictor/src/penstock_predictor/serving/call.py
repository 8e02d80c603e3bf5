"""One request's tensors on their way through the batcher."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

from penstock_predictor.deadline import Deadline
from penstock_predictor.errors import RequestError
from penstock_predictor.model.inference import Feeds
from penstock_predictor.serving.outputs import Part
from penstock_predictor.tensors.datatypes import Array
from penstock_predictor.tracing.trace import Trace

Outcome = Part | RequestError
"""A call's outputs, in their order, or why there are none."""
Origin = tuple[bytes | None, bool]
"""A request's id, if it has one, and whether the gateway says that it is a copy whose answer nobody sees."""
NOBODY: Final[Origin] = (None, False)
"""Of a request that says nothing about itself."""


class Call(ABC):
    """Checked tensors, the outputs that are asked for, and whom to tell. Each transport has its own."""

    __slots__ = ("deadline", "feeds", "finished", "outputs", "rows", "since", "size")

    def __init__(self, feeds: Feeds, outputs: tuple[str, ...], deadline: Deadline, size: int) -> None:
        self.feeds = feeds
        self.outputs = outputs
        self.deadline = deadline
        self.size = size
        """Bytes of its request, as admission counts them."""
        self.rows = 0
        """Set by the batcher: rows that may share a run, or 0 for a call that must have one of its own."""
        self.since = 0.0
        """Set by the batcher: when it was queued, on `time.monotonic`."""
        self.finished = False

    def origin(self) -> Origin:
        """Who asked. Worked out for records alone."""
        return NOBODY

    def trace(self) -> Trace | None:
        """What its spans are to be made of; None: it is not traced."""
        return None

    @abstractmethod
    def finish(self, outcome: Outcome) -> None:
        """Take the outcome, on the event loop, once."""


class AwaitedCall(Call):
    """A call whose outcome a coroutine waits for."""

    __slots__ = ("_future", "_origin", "_trace")

    def __init__(
        self,
        feeds: Feeds,
        outputs: tuple[str, ...],
        deadline: Deadline,
        size: int,
        *,
        origin: Origin = NOBODY,
        trace: Trace | None = None,
    ) -> None:
        super().__init__(feeds, outputs, deadline, size)
        self._origin = origin
        self._trace = trace
        self._future: asyncio.Future[Sequence[Array]] = asyncio.get_running_loop().create_future()

    def origin(self) -> Origin:
        """What it was made with."""
        return self._origin

    def trace(self) -> Trace | None:
        """What it was made with."""
        return self._trace

    def finish(self, outcome: Outcome) -> None:
        """Wake the coroutine, if it still waits."""
        if self._future.done():
            return
        if isinstance(outcome, RequestError):
            self._future.set_exception(outcome)
        else:
            self._future.set_result(outcome.arrays)

    async def outcome(self) -> Sequence[Array]:
        """Wait for the arrays. Raises what the call ended with."""
        return await self._future
