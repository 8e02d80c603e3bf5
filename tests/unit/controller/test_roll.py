"""The controller begins when it can see the resources, and says what it lacks until then."""

import logging

import pytest

from penstock_controller.errors import ClusterAway, Rejected
from penstock_controller.ports import ResourceKey
from penstock_controller.roll import Roll
from penstock_controller.turns import Turns

A = ResourceKey("ns", "a")


class ScriptedResources:
    """Lists what the test says, one answer a call."""

    def __init__(self, *answers: tuple[ResourceKey, ...] | Exception) -> None:
        self.answers = list(answers)

    async def keys(self) -> tuple[ResourceKey, ...]:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Rig:
    """A roll whose pauses are counted."""

    def __init__(self, *answers: tuple[ResourceKey, ...] | Exception) -> None:
        self.resources = ScriptedResources(*answers)
        self.woken: list[ResourceKey] = []
        self.pauses: list[float] = []
        turns = Turns(1, self.woken.append)
        self.roll = Roll(self.resources, turns.expect, pause=self._pause)  # type: ignore[arg-type]  # lists only

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


async def test_all_resources_are_expected_at_once_where_they_can_be_listed() -> None:
    rig = Rig((A,))
    await rig.roll.call()
    assert rig.woken == [A]
    assert rig.pauses == []


@pytest.mark.parametrize("why", ["404 page not found", "modeldeployments is forbidden: cannot list"])
async def test_a_missing_crd_or_right_is_said_at_each_try_and_it_begins_when_it_is_there(
    why: str, caplog: pytest.LogCaptureFixture
) -> None:
    refused = Rejected(f"list ModelDeployments: {why}")
    rig = Rig(refused, refused, (), (A,))
    with caplog.at_level(logging.ERROR):
        await rig.roll.call()
    said = [record for record in caplog.records if "is their CRD installed" in record.message]
    assert [record.__dict__["detail"] for record in said] == [str(refused)] * 2
    assert rig.woken == [A]
    assert max(rig.pauses) <= 5


async def test_an_api_server_that_is_away_is_asked_again() -> None:
    rig = Rig(ClusterAway("list ModelDeployments: refused"), (A,))
    await rig.roll.call()
    assert rig.woken == [A]
    assert len(rig.pauses) == 1
