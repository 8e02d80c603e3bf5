"""A million requests under mixed load: is every answer onnxruntime's?

`make bench-answers`, some minutes; REQUESTS=1000000.

One worker on one core, its default settings; ten connections, of which some send several requests before they read.
Every reply is held against what onnxruntime computes in this process. A reply of which every byte was right for that
request before is right again.
"""

import asyncio
import collections
import itertools
import os
import sys
import time
from collections.abc import Iterator, Sequence

from bench.serving.contestants import Running
from bench.serving.models import TREES_MODEL, models
from bench.serving.questions import Headers, KnownRequest, questions
from bench.serving.servers import OURS, SERVERS
from bench.serving.serving import prepare

REQUESTS = int(os.environ.get("REQUESTS", "1000000"))
AT_ONCE = (1, 1, 1, 1, 1, 1, 2, 4, 8, 16)
"""Requests that each connection sends before it reads."""
REPLY_SECONDS = 30.0
_TOLD_EVERY = 10.0
_MOST_SHOWN = 5


class ReplyJudge:
    """Counts what came of each request."""

    def __init__(self) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        self._seen: set[tuple[int, bytes]] = set()

    def judge(self, question: KnownRequest, status: int, headers: Headers, body: bytes) -> None:
        """Take a reply."""
        known = (id(question), body)
        right = status == question.status and (known in self._seen or question.right(headers, body))
        if right:
            self._seen.add(known)
        elif len(self.wrong) < _MOST_SHOWN:
            self.wrong.append(f"{question.kind}: {status} {body[:300]!r}")
        self.counts[question.kind if right else "WRONG"] += 1


async def converse(port: int, asked: Iterator[KnownRequest], at_once: int, judge: ReplyJudge) -> None:
    """One connection: send some, read as many replies, until there is nothing left to ask."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    while batch := list(itertools.islice(asked, at_once)):
        writer.write(b"".join(question.request for question in batch))
        for question in batch:
            async with asyncio.timeout(REPLY_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                status, headers = read_head(head)
                body = await reader.readexactly(int(headers["content-length"]))
            judge.judge(question, status, headers, body)
    writer.close()


def read_head(head: bytes) -> tuple[int, Headers]:
    """Status and headers by their names in small letters."""
    first, *lines = head.decode().split("\r\n")[:-2]
    return int(first.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


async def tell(judge: ReplyJudge, began: float) -> None:
    """Say how far it is, until it is cancelled."""
    while True:
        await asyncio.sleep(_TOLD_EVERY)
        done = judge.counts.total()
        print(
            f"[{time.monotonic() - began:5.0f} s] {done:,} of {REQUESTS:,}, {judge.counts['WRONG']} wrong", flush=True
        )


async def ask_all(port: int, all_questions: Sequence[KnownRequest]) -> ReplyJudge:
    """Ask them in turns, each connection taking the next."""
    judge, asked = ReplyJudge(), itertools.islice(itertools.cycle(all_questions), REQUESTS)
    telling = asyncio.create_task(tell(judge, time.monotonic()))
    try:
        async with asyncio.TaskGroup() as connections:
            for at_once in AT_ONCE:
                connections.create_task(converse(port, asked, at_once, judge))
    finally:
        telling.cancel()
    return judge


def main() -> int:
    """Print the counts; 1 where an answer is wrong or missing."""
    prepare(())
    model = models()[TREES_MODEL]
    [server] = [one for one in SERVERS if one.name == OURS]
    running = Running.started(server, model, {})
    try:
        judge = asyncio.run(ask_all(running.port, questions(model)))
    finally:
        running.end()
    for kind, count in sorted(judge.counts.items()):
        print(f"{kind}: {count:,}")
    print(f"{judge.counts.total():,} requests, {judge.counts['WRONG']} wrong answers")
    for problem in judge.wrong:
        print(f"WRONG: {problem}")
    return 1 if judge.wrong or judge.counts.total() != REQUESTS else 0


if __name__ == "__main__":
    sys.exit(main())
