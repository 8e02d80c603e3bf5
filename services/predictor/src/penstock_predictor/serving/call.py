"""One request's tensors on their way through the batcher."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence

from penstock_predictor.deadline import Deadline
from penstock_predictor.errors import RequestError
from penstock_predictor.model.inference import Feeds
from penstock_predictor.tensors.datatypes import Array

Outcome = Sequence[Array] | RequestError
"""The arrays of a call's outputs, in their order, or why there are none."""


class Call(ABC):
    """Checked tensors, the outputs that are asked for, and whom to tell. Each transport has its own."""

    __slots__ = ("deadline", "feeds", "finished", "outputs", "rows", "size")

    def __init__(self, feeds: Feeds, outputs: tuple[str, ...], deadline: Deadline, size: int) -> None:
        self.feeds = feeds
        self.outputs = outputs
        self.deadline = deadline
        self.size = size
        """Bytes of its request, as admission counts them."""
        self.rows = 0
        """Set by the batcher: rows that may share a run, or 0 for a call that must have one of its own."""
        self.finished = False

    @abstractmethod
    def finish(self, outcome: Outcome) -> None:
        """Take the outcome, on the event loop, once."""

    def fits_beside(self, other: "Call") -> bool:
        """Whether both can be one run: the same outputs, and tensors that differ in their first dimension only."""
        if self.outputs != other.outputs:
            return False
        feeds = other.feeds
        return all(array.shape[1:] == feeds[name].shape[1:] for name, array in self.feeds.items())


class AwaitedCall(Call):
    """A call whose outcome a coroutine waits for."""

    __slots__ = ("_future",)

    def __init__(self, feeds: Feeds, outputs: tuple[str, ...], deadline: Deadline, size: int) -> None:
        super().__init__(feeds, outputs, deadline, size)
        self._future: asyncio.Future[Sequence[Array]] = asyncio.get_running_loop().create_future()

    def finish(self, outcome: Outcome) -> None:
        """Wake the coroutine, if it still waits."""
        if self._future.done():
            return
        if isinstance(outcome, RequestError):
            self._future.set_exception(outcome)
        else:
            self._future.set_result(outcome)

    async def outcome(self) -> Sequence[Array]:
        """Wait for the arrays. Raises what the call ended with."""
        return await self._future
