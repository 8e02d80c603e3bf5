import asyncio

import pytest

from penstock_drift_monitor.reports.failure import FailureReason, ReportFailed
from penstock_drift_monitor.reports.turns import ReportTurns


async def test_one_at_a_time_and_who_is_one_too_many_is_told_to_come_again() -> None:
    turns, may_end, inside = ReportTurns(waiting=2), asyncio.Event(), 0
    most = 0

    async def work() -> None:
        nonlocal inside, most
        async with turns.turn():
            inside += 1
            most = max(most, inside)
            await may_end.wait()
            inside -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(work())
        await asyncio.sleep(0)
        with pytest.raises(ReportFailed, match="2 reports wait") as failed:
            async with turns.turn():
                pass
        may_end.set()

    assert failed.value.reason is FailureReason.BUSY
    assert most == 1
    async with turns.turn():
        assert inside == 0
