"""A disk that takes nothing more: the pod serves on by its last good split, and says why."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from penstock_testing.gateway.rig import KEY, GatewayRig

URL = "/payments/fraud-detector"


@contextmanager
def no_room() -> Iterator[None]:
    """No file of this process may have a byte; Envoy, a process of its own, is not concerned."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def version(rig: GatewayRig) -> str:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        return str((await client.get(rig.url + URL)).json()["version"])


async def test_a_full_disk_keeps_the_last_good_split_until_there_is_room_again(rig: GatewayRig) -> None:
    ends = {"r1": [rig.upstream("v1").endpoint], "r2": [rig.upstream("v2").endpoint]}
    await rig.apply({"r1": 100}, ends, number=1)
    with no_room():
        status = await rig.apply({"r2": 100}, ends, number=2)
    assert status.not_ready == ""
    assert status.applied[KEY].number == 1
    assert "File too large; trying again" in status.rejected[KEY]
    assert sorted(each.name for each in rig.paths.folder.iterdir() if each.name.startswith(".")) == []
    assert await version(rig) == "v1"
    await rig.agent.pass_once()
    assert (rig.agent.status.applied[KEY].number, rig.agent.status.rejected) == (2, {})
    assert await version(rig) == "v2"
