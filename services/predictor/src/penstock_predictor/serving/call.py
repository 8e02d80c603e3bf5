"""One request's tensors on their way through the batcher: the time they have, and what comes back."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Final, Protocol

from penstock_predictor.errors import BadRequest, DeadlineExceeded, RequestError
from penstock_predictor.model.inference import Feeds
from penstock_predictor.tensors.answers import JsonTable, write_table
from penstock_predictor.tensors.arrays import Array
from penstock_predictor.tracing.trace import Trace

_DIGITS = 12
"""Of a number of milliseconds that is not worth another look."""


class Deadline:
    """The end of a request's time, on `time.monotonic`: one budget through all of its steps."""

    __slots__ = ("at", "seconds")

    def __init__(self, at: float, seconds: float) -> None:
        self.at = at
        self.seconds = seconds
        """The whole budget, for messages."""

    @classmethod
    def after(cls, seconds: float, *, now: float | None = None) -> "Deadline":
        """Start a budget, now where no time is given."""
        return cls((time.monotonic() if now is None else now) + seconds, seconds)

    @classmethod
    def within(cls, seconds: float, asked_ms: bytes | None, *, now: float) -> "Deadline":
        """A budget of at most that many seconds, or of the milliseconds that the caller asks for. Raises BadRequest."""
        if asked_ms is None:
            return cls(now + seconds, seconds)
        if not asked_ms.isdigit() or len(asked_ms) > _DIGITS or int(asked_ms) == 0:
            raise BadRequest("x-request-timeout-ms: expected a whole number of milliseconds, at least 1")
        return cls.after(min(seconds, int(asked_ms) / 1000), now=now)

    @property
    def left(self) -> float:
        """Seconds until the end, never negative."""
        return max(0.0, self.at - time.monotonic())

    def timeout_error(self) -> DeadlineExceeded:
        """The refusal of a request whose time is over."""
        return DeadlineExceeded(f"no answer within {self.seconds:g} s, the time limit of this request")


class RunOutputs:
    """The arrays that a run computed for all its calls, in the order of the outputs that they asked for."""

    __slots__ = ("_table", "_written", "arrays", "elements")

    def __init__(self, arrays: Sequence[Array]) -> None:
        self.arrays = arrays
        self.elements = sum([array.size for array in arrays])
        """In all of them."""
        self._table: JsonTable | None = None
        self._written = False

    def table(self) -> JsonTable | None:
        """Written once for all calls; None where an output is no table of numbers."""
        if not self._written:
            self._written = True
            self._table = write_table(self.arrays)
        return self._table


class CallOutputs:
    """One call's rows of a run, or all of a run that was its own."""

    __slots__ = ("_outputs", "start", "stop")

    def __init__(self, outputs: RunOutputs, start: int = 0, stop: int | None = None) -> None:
        self._outputs = outputs
        self.start = start
        self.stop = stop
        """None: the run was this call's alone."""

    @property
    def arrays(self) -> Sequence[Array]:
        """The call's own arrays."""
        arrays = self._outputs.arrays
        return arrays if self.stop is None else [array[self.start : self.stop] for array in arrays]

    @property
    def elements(self) -> int:
        """How many there are in all arrays."""
        outputs = self._outputs
        if self.stop is None:
            return outputs.elements
        return outputs.elements // len(outputs.arrays[0]) * (self.stop - self.start)

    def shared_table(self) -> tuple[JsonTable, int, int] | None:
        """The rows of the whole run as text, and from where to where they are this call's.

        None for a run that was its own, which gains nothing from it, and where an output is no table.
        """
        if self.stop is None:
            return None
        table = self._outputs.table()
        return None if table is None else (table, self.start, self.stop)


CallOutcome = CallOutputs | RequestError
"""A call's outputs, in their order, or why there are none."""
Origin = tuple[bytes | None, bool]
"""A request's id, if it has one, and whether the gateway says that it is a copy whose answer nobody sees."""
NOBODY: Final[Origin] = (None, False)
"""Of a request that says nothing about itself."""


class LookupNotes(Protocol):
    """What was looked up for the rows of a call."""

    def records(self, rows: int, hidden: Collection[str]) -> list[str]:
        """For each row as records have it. `hidden`: keys that are not to leave the process."""


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

    def looked_up(self) -> LookupNotes | None:
        """What was looked up for its rows. Asked for records alone."""
        return None

    @abstractmethod
    def finish(self, outcome: CallOutcome) -> None:
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

    def finish(self, outcome: CallOutcome) -> None:
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
