"""What a traffic run is told to do: the file that crosses from the test to the driver's process."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from penstock_testing.schedule import Arrivals, Schedule


class PlannedRequest(BaseModel):
    """One of the distinct requests, which the driver sends in turn."""

    model_config = ConfigDict(frozen=True)

    method: str = "POST"
    path: str
    headers: dict[str, str] = Field(default_factory=dict)
    body: str

    def rendered(self, host_header: str) -> bytes:
        """The bytes on the wire, HTTP/1.1, keep-alive."""
        body = self.body.encode()
        headers = {
            "Host": host_header,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **self.headers,
        }
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class TrafficPlan(BaseModel):
    """Everything that the driver's process knows."""

    model_config = ConfigDict(frozen=True)

    host: str
    """Address to connect to; an IP address, so that no name look-up stands between schedule and request."""
    port: int
    host_header: str = ""
    """`Host` of every request; empty: the address."""
    requests: tuple[PlannedRequest, ...] = Field(min_length=1, max_length=50_000)
    rate: float
    seconds: float
    """Upper limit: the run ends earlier when it is stopped."""
    arrivals: Arrivals = Arrivals.FIXED
    seed: int = 1
    deadline_seconds: float = Field(default=2.0, gt=0, le=120)
    """Counted from the scheduled send time."""
    warm_connections: int = Field(default=16, ge=1, le=1024)
    max_connections: int = Field(default=1024, ge=1, le=8192)
    connection_seconds: float = Field(default=10.0, gt=0)
    """About how long a connection is used: new ones reach servers that came later."""
    connect_seconds: float = Field(default=1.0, gt=0)
    """Time limit for opening one connection."""
    warm_up_seconds: float = Field(default=5.0, ge=0)
    """The schedule starts when the connections are warm, or after this time."""
    recording: Path
    """File that the driver writes."""

    def schedule(self) -> Schedule:
        """The send times. Raises ValueError for an empty or unbounded one."""
        return Schedule(rate=self.rate, seconds=self.seconds, arrivals=self.arrivals, seed=self.seed)
