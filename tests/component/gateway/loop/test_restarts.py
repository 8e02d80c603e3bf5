"""Each of the pod's two containers may end and come back alone; what Envoy refuses stays behind alone."""

import httpx

from penstock_gateway.api_server.snapshot import ApiServerSnapshot, Endpoint, ModelKey
from penstock_gateway.envoy.files import INITIAL, prepare_folder, read_version
from penstock_gateway.loop.drain import Drain
from penstock_testing.gateway.objects import endpoint_slice, endpoint_slices, model_deployment
from penstock_testing.gateway.rig import KEY, GatewayRig

PATH = "/payments/fraud-detector"


async def ask(rig: GatewayRig, path: str = PATH) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        return await client.get(rig.url + path)


async def test_before_the_first_configuration_it_is_not_ready_and_says_so_to_users(rig: GatewayRig) -> None:
    await rig.agent.pass_once()
    assert rig.agent.status.not_ready
    answer = await ask(rig)
    assert (answer.status_code, answer.json()) == (503, {"error": "this gateway pod has no routes yet"})


async def test_an_empty_cluster_is_a_configuration_too(rig: GatewayRig) -> None:
    status = await rig.apply_objects([], [])
    assert status.not_ready == ""
    assert (await ask(rig)).status_code == 404


async def test_one_list_alone_changes_nothing(rig: GatewayRig) -> None:
    rig.latest.fold(
        lambda snapshot: ApiServerSnapshot.with_model_deployments(snapshot, [model_deployment({"r1": 100})])
    )
    await rig.agent.pass_once()
    assert rig.agent.status.not_ready
    assert read_version(rig.paths.routes) == INITIAL


async def test_envoy_killed_continues_with_the_files_on_disk(rig: GatewayRig) -> None:
    upstream = rig.upstream("v1")
    before = await rig.apply({"r1": 100}, {"r1": [upstream.endpoint]}, number=7)
    rig.envoy.kill()
    await rig.agent.pass_once()
    assert rig.agent.status.applied == {}
    assert "did not answer" in rig.agent.status.not_ready
    rig.envoy.start()
    assert (await ask(rig)).json()["version"] == "v1"
    await rig.agent.pass_once()
    assert rig.agent.status.not_ready == ""
    assert rig.agent.status.applied[KEY].number == 7
    assert rig.agent.status.applied[KEY].at > before.applied[KEY].at


async def test_a_change_while_envoy_is_away_is_active_after_its_return(rig: GatewayRig) -> None:
    ends = {"r1": [rig.upstream("v1").endpoint], "r2": [rig.upstream("v2").endpoint]}
    await rig.apply({"r1": 100}, ends, number=1)
    rig.envoy.kill()
    status = await rig.apply({"r2": 100}, ends, number=2)
    assert status.applied == {}
    rig.envoy.start()
    await rig.agent.pass_once()
    assert rig.agent.status.applied[KEY].number == 2
    assert (await ask(rig)).json()["version"] == "v2"


async def test_an_agent_that_restarts_with_the_api_server_away_acknowledges_the_last_good_state(
    rig: GatewayRig,
) -> None:
    await rig.apply({"r1": 100}, {"r1": [rig.upstream("v1").endpoint]}, number=7)
    rig.new_agent()
    await rig.agent.pass_once()
    assert rig.agent.status.not_ready == ""
    assert (rig.agent.status.applied[KEY].number, rig.agent.status.applied[KEY].endpoints) == (7, {"r1": 1})


async def test_an_agent_that_restarts_removes_what_is_no_longer_wanted(rig: GatewayRig) -> None:
    await rig.apply({"r1": 100}, {"r1": [rig.upstream("v1").endpoint]}, seconds=0.1)
    rig.new_agent()
    await rig.apply_objects([], [])
    assert (await ask(rig)).status_code == 404
    assert [name.ref.revision for name in rig.publisher.on_disk.clusters] == ["r1"]
    assert rig.publisher.next_removal() is not None


async def test_files_that_someone_else_changed_are_written_again(rig: GatewayRig) -> None:
    await rig.apply({"r1": 100}, {"r1": [rig.upstream("v1").endpoint]}, number=7)
    version = read_version(rig.paths.routes)
    rig.paths.routes.unlink()
    prepare_folder(rig.settings)  # as an Envoy container does that finds no files
    await rig.agent.pass_once()
    assert read_version(rig.paths.routes) == version
    assert (await ask(rig)).status_code == 200


async def test_a_status_that_is_lost_keeps_the_last_split(rig: GatewayRig) -> None:
    slices = endpoint_slices("r1", [rig.upstream("v1").endpoint])
    await rig.apply_objects([model_deployment({"r1": 100}, number=7)], slices)
    status = await rig.apply_objects([model_deployment(None)], slices)
    assert (await ask(rig)).status_code == 200
    assert status.applied[KEY].number == 7


async def test_one_that_cannot_be_followed_stays_behind_alone(rig: GatewayRig) -> None:
    """A split that does not add up: ours to find."""
    slices = endpoint_slices("r1", [rig.upstream("v1").endpoint])
    other = ModelKey("payments", "other")
    await rig.apply_objects([model_deployment({"r1": 100}, number=1)], slices)
    bad = model_deployment({"r1": 90}, number=2)
    status = await rig.apply_objects([bad, model_deployment({}, number=5, name="other")], slices)
    assert status.rejected == {KEY: "status.traffic.desired.backends: the weights add up to 90, not 100"}
    assert {key: one.number for key, one in status.applied.items()} == {KEY: 1, other: 5}
    assert (await ask(rig)).status_code == 200


async def test_what_envoy_refuses_stays_behind_alone_until_it_changes(rig: GatewayRig) -> None:
    """An address that is none: Envoy's to find."""
    good, other = endpoint_slices("r1", [rig.upstream("v1").endpoint]), ModelKey("payments", "other")
    await rig.apply_objects([model_deployment({"r1": 100}, number=1)], good)
    bad = endpoint_slice("r1", [Endpoint("not-an-address", 80)], uid="bad")
    deployments = [model_deployment({"r1": 100}, number=2), model_deployment({}, number=5, name="other")]
    for _ in range(2):
        status = await rig.apply_objects(deployments, [bad])
        assert "Envoy refused clusters.json" in status.rejected[KEY]
        assert {key: one.number for key, one in status.applied.items()} == {KEY: 1, other: 5}
        assert (await ask(rig)).status_code == 200
    rig.envoy.kill()
    rig.envoy.start()
    assert (await ask(rig)).status_code == 200
    status = await rig.apply_objects(deployments, good)
    assert (status.rejected, status.applied[KEY].number) == ({}, 2)


async def test_a_draining_gateway_asks_clients_to_leave_and_takes_new_connections_still(rig: GatewayRig) -> None:
    await rig.apply({"r1": 100}, {"r1": [rig.upstream("v1").endpoint]})
    async with httpx.AsyncClient(trust_env=False) as client:
        assert "connection" not in (await client.get(rig.url + PATH)).headers
        await rig.admin.drain()
        assert (await client.get(rig.url + PATH)).headers["connection"] == "close"
    assert (await ask(rig)).headers["connection"] == "close"
    assert (await rig.apply({"r1": 100}, {"r1": []}, number=2)).applied[KEY].number == 2


async def test_the_drain_ends_when_envoy_is_gone(rig: GatewayRig) -> None:
    drain = Drain(rig.admin)
    drain.begin()
    rig.envoy.kill()
    await drain.run()
    assert drain.has_begun


async def test_the_probe_answers_while_envoy_runs(rig: GatewayRig) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{rig.settings.probe_port}/")
    assert (answer.status_code, answer.text) == (200, "ok\n")
