"""What is known of one request whose trace is sampled. Its spans are made of it in another thread."""


class Trace:
    """Times are on `time.monotonic`, in seconds."""

    __slots__ = (
        "batch_requests",
        "batch_rows",
        "code",
        "ended",
        "parent",
        "queued",
        "request_id",
        "route",
        "rows",
        "run_ended",
        "run_started",
        "shadow",
        "started",
    )

    def __init__(self, parent: bytes, started: float, request_id: bytes | None, *, shadow: bool) -> None:
        self.parent = parent
        """The header `traceparent`, as it came."""
        self.started = started
        self.request_id = request_id
        self.shadow = shadow
        """Whether the gateway says that it is a copy whose answer nobody sees."""
        self.queued = 0.0
        """When it was before the model; this and what follows is 0 for a request that no run took."""
        self.run_started = 0.0
        self.run_ended = 0.0
        self.rows = 0
        """Of this request; 0 where they cannot share a run."""
        self.batch_rows = 0
        """Of all that were computed in the same run."""
        self.batch_requests = 0
        self.route = ""
        self.code = 0
        """HTTP status of its answer."""
        self.ended = 0.0

    def ran(self, *, queued: float, started: float, seconds: float, rows: int, batch_rows: int, requests: int) -> None:
        """Note the run that computed it."""
        self.queued = queued
        self.run_started = started
        self.run_ended = started + seconds
        self.rows = rows
        self.batch_rows = batch_rows
        self.batch_requests = requests

    @property
    def spans(self) -> int:
        """How many are made of it: the request, and where it was computed its wait and the run."""
        return 3 if self.run_ended else 1
