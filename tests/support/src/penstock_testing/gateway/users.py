"""Many requests through the gateway, each one's answer kept."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_HEAD_END = b"\r\n\r\n"
_CONNECTIONS = 16
_PATIENCE_SECONDS = 20.0

Headers = Callable[[int], Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class UserAnswer:
    """What one user got."""

    status: int
    """0: no answer."""
    body: str
    revision: str
    """As the gateway says it."""
    seconds: float


def no_headers(_: int) -> Mapping[str, str]:
    """Nothing but what HTTP needs."""
    return {}


async def ask(
    port: int,
    requests: int,
    *,
    path: str = "/payments/fraud-detector/predict",
    headers: Headers = no_headers,
    connections: int = _CONNECTIONS,
    patience: float = _PATIENCE_SECONDS,
    body: bytes = b"x",
) -> Sequence[UserAnswer]:
    """Send requests over some connections, on each one after the other; the answers are in the requests' order."""
    numbers = iter(range(requests))
    answers: dict[int, UserAnswer] = {}
    users = (_User(port, path, headers, patience, body).run(numbers, answers) for _ in range(connections))
    await asyncio.gather(*users)
    return [answers[number] for number in range(requests)]


def statuses(answers: Sequence[UserAnswer]) -> Counter[int]:
    """Count the answers by status."""
    return Counter(answer.status for answer in answers)


def bodies(answers: Sequence[UserAnswer]) -> Counter[str]:
    """Count the answers by who gave them."""
    return Counter(answer.body for answer in answers)


class _User:
    """One keep-alive connection, opened again when it ends."""

    def __init__(self, port: int, path: str, headers: Headers, patience: float, body: bytes) -> None:
        self._port = port
        self._path = path
        self._headers = headers
        self._patience = patience
        self._body = body
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, numbers: Iterator[int], answers: dict[int, UserAnswer]) -> None:
        for number in numbers:
            begin = time.monotonic()
            status, body, revision = await self._ask(number)
            answers[number] = UserAnswer(status=status, body=body, revision=revision, seconds=time.monotonic() - begin)
        self._close()

    async def _ask(self, number: int) -> tuple[int, str, str]:
        try:
            async with asyncio.timeout(self._patience):
                return await self._exchange(number)
        except (OSError, EOFError) as error:  # a TimeoutError is an OSError
            self._close()
            return 0, repr(error), ""

    async def _exchange(self, number: int) -> tuple[int, str, str]:
        self._streams = self._streams or await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        lines = "".join(f"{name}: {value}\r\n" for name, value in self._headers(number).items())
        head = f"POST {self._path} HTTP/1.1\r\nhost: any\r\ncontent-length: {len(self._body)}\r\n{lines}\r\n"
        writer.write(head.encode() + self._body)
        first, *rest = (await reader.readuntil(_HEAD_END)).decode().strip().split("\r\n")
        found = dict(line.split(": ", 1) for line in rest)
        body = await reader.readexactly(int(found.get("content-length", "0")))
        if found.get("connection") == "close":
            self._close()
        return int(first.split(" ")[1]), body.decode(), found.get("x-penstock-revision", "")

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
