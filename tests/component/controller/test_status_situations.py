"""The table of docs/user/status.md, and what kstatus' own library makes of each of its statuses."""

from testcluster import go_toolchain, versions

from penstock_testing.kstatus import built
from penstock_testing.model_deployments import model_deployment
from penstock_testing.status_situations import SITUATIONS, kstatus_of


def test_kstatus_says_what_the_table_says() -> None:
    worlds = {situation.name: situation.begin() for situation in SITUATIONS}
    resource = model_deployment("m", "payments", "m")
    objects = []
    for world in worlds.values():
        metadata = resource["metadata"] | {"generation": world.generation}
        status = world.status.model_dump(mode="json", by_alias=True, exclude_none=True)
        objects.append(resource | {"metadata": metadata, "status": status})
    told = built(go_toolchain.find(versions.read())).of(objects)
    expected = [kstatus_of({item.type: item.status for item in world.status.conditions}) for world in worlds.values()]
    assert dict(zip(worlds, told, strict=True)) == dict(zip(worlds, expected, strict=True))
