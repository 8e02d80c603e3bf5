"""What is written in one turn leaves at its end, as one."""

import asyncio

from penstock_predictor.http.gathering import GatheringTransport


class Line(asyncio.Transport):
    """Keeps each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def pair() -> tuple[GatheringTransport, Line]:
    line = Line()
    return GatheringTransport(line, asyncio.get_running_loop()), line


async def test_head_and_body_leave_together_at_the_end_of_the_turn() -> None:
    transport, line = await pair()
    transport.write(b"head")
    transport.write(b"body")
    assert line.writes == []
    await asyncio.sleep(0)
    assert line.writes == [b"headbody"]
    await asyncio.sleep(0)
    assert line.writes == [b"headbody"]


async def test_a_long_reply_is_not_held() -> None:
    transport, line = await pair()
    transport.write(b"head")
    transport.write(b"x" * 70_000)
    assert [len(each) for each in line.writes] == [70_004]


async def test_a_whole_reply_leaves_at_once_behind_what_is_held() -> None:
    transport, line = await pair()
    transport.write_whole(b"one")
    transport.write(b"two")
    transport.write_whole(b"three")
    assert line.writes == [b"one", b"two", b"three"]
    await asyncio.sleep(0)
    assert len(line.writes) == 3


async def test_what_is_held_leaves_before_the_close() -> None:
    transport, line = await pair()
    transport.write(b"last")
    transport.close()
    assert (line.writes, line.closed) == ([b"last"], True)


async def test_nothing_is_written_to_a_caller_that_is_gone() -> None:
    transport, line = await pair()
    transport.write(b"reply")
    line.close()
    await asyncio.sleep(0)
    assert line.writes == []
    assert transport.is_closing()
