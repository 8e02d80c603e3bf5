"""Registries that answer what no MLflow server would, beside a real one."""

import asyncio
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.api.v1alpha1 import RegistryRef
from penstock_controller.adapters.mlflow_api import MlflowApi
from penstock_controller.adapters.mlflow_recorder import MlflowRecorder
from penstock_controller.adapters.mlflow_registry import MlflowRegistry
from penstock_controller.adapters.registry_connection import RegistryConnection
from penstock_controller.errors import RegistryAway
from penstock_controller.ports import ResourceKey
from penstock_controller.registry_watch import RegistryWatch
from penstock_controller.rollout.registry_entry import Entry, Tag
from penstock_controller.telemetry import ControllerTelemetry
from penstock_testing.artifacts import affine
from penstock_testing.hostile_registry import BODY, KINDS, HostileRegistry, hostile_registry
from penstock_testing.mlflow_server import mlflow_server
from penstock_testing.registered_models import RegisteredModels

BROKEN = sorted(set(KINDS) - {"stolen"})
STUCK = {"hang", "drip-body", "drip-head"}
SECONDS = 2.0
TAG = Tag(key="penstock.ns.m", value="{}")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server(Path(tmp_path_factory.mktemp("mlflow"))) as server:
        models = RegisteredModels(server.uri)
        models.move("m", models.register("m", affine(2.0, 1.0)))
        yield server.uri


@pytest.fixture(scope="module")
def hostile() -> Iterator[HostileRegistry]:
    with hostile_registry() as server:
        yield server


@pytest.fixture(scope="module")
def hostile_program() -> Iterator[str]:
    """One in a process of its own: what it does with its processor's time is not ours."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "penstock_testing.hostile_registry", str(port)])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)


def apis(uris: dict[str, str], folder: Path, seconds: float = SECONDS) -> dict[str, MlflowApi]:
    return {
        name: MlflowApi(RegistryConnection(name, uri, folder / name, seconds=seconds)) for name, uri in uris.items()
    }


def reference(connection: str) -> RegistryRef:
    return RegistryRef(connection=connection, model="m", alias="champion")


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_answer_is_a_registry_that_is_away_and_shows_nothing_of_it(
    kind: str, hostile: HostileRegistry, tmp_path: Path
) -> None:
    seconds = SECONDS if kind in STUCK else 10 * SECONDS  # on a busy machine an answer that comes takes its time
    registry = MlflowRegistry(
        apis({"broken": hostile.uri(kind)}, tmp_path, seconds), ControllerTelemetry(CollectorRegistry())
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = set()
    for _ in range(2):
        with pytest.raises(RegistryAway) as away:
            await registry.resolve(reference("broken"))
        said.add(str(away.value))
        assert away.value.retry_after <= 15
    assert len(said) == 1, said
    message = said.pop()
    assert message.startswith("registry 'broken' ")
    assert BODY not in message
    assert "store" not in message
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 * 1024, f"{kind}: {grown} KiB"


async def test_a_redirect_is_not_followed(hostile: HostileRegistry, tmp_path: Path) -> None:
    api = apis({"broken": hostile.uri("redirect")}, tmp_path)
    with pytest.raises(RegistryAway, match="redirect"):
        await MlflowRegistry(api, ControllerTelemetry(CollectorRegistry())).resolve(reference("broken"))
    entry = Entry(connection="broken", model="m", version="1")
    with pytest.raises(RegistryAway, match="redirect"):
        await MlflowRecorder(api, ControllerTelemetry(CollectorRegistry())).record(entry, TAG)
    assert hostile.asked["redirect"] >= 2
    assert hostile.asked["stolen"] == 0


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_answer_to_a_write_is_a_registry_that_is_away(
    kind: str, hostile: HostileRegistry, tmp_path: Path
) -> None:
    recorder = MlflowRecorder(apis({"broken": hostile.uri(kind)}, tmp_path), ControllerTelemetry(CollectorRegistry()))
    with pytest.raises(RegistryAway) as away:
        await recorder.record(Entry(connection="broken", model="m", version="1"), TAG)
    assert BODY not in str(away.value)


async def test_a_healthy_registry_is_followed_while_every_kind_of_broken_one_is(
    healthy: str, hostile_program: str, tmp_path: Path
) -> None:
    """More references on each broken one than it has look-ups at a time. Two rounds of the healthy one, and new
    references, are over while those that hang are still at their first.
    """
    uris = {kind: f"{hostile_program}/{kind}" for kind in BROKEN} | {"healthy": healthy}
    woken: asyncio.Queue[ResourceKey] = asyncio.Queue()
    api = apis(uris, tmp_path, seconds=60)
    watch = RegistryWatch(
        MlflowRegistry(api, ControllerTelemetry(CollectorRegistry())), uris, woken.put_nowait, interval=1
    )
    stuck = [ResourceKey(kind, str(number)) for kind in sorted(STUCK) for number in range(8)]
    for key in stuck:
        watch.follow(key, RegistryRef(connection=key.namespace, model=f"m{key.name}", alias="champion"))
    for kind in sorted(set(BROKEN) - STUCK):
        watch.follow(ResourceKey(kind, "m"), reference(kind))
    running = asyncio.ensure_future(watch.run())
    try:
        models = RegisteredModels(healthy)
        here = ResourceKey("healthy", "m")
        assert watch.follow(here, reference("healthy")) is None
        for _ in range(3):
            async with asyncio.timeout(30):
                while await woken.get() != here:
                    pass
            known = watch.follow(here, reference("healthy"))
            assert known is not None
            assert known.version is not None
            await asyncio.to_thread(lambda: models.move("m", models.register("m", affine(2.0, 1.0))))
        assert not running.done()
        assert {
            watch.follow(key, RegistryRef(connection=key.namespace, model=f"m{key.name}", alias="champion"))
            for key in stuck
        } == {None}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("kind", sorted(STUCK | {"endless"}))
async def test_what_never_ends_is_given_up_and_frees_what_it_used(
    kind: str, hostile: HostileRegistry, tmp_path: Path
) -> None:
    """Ten calls at once, then ten more: none waits for the one before it beyond its time."""
    connection = RegistryConnection("broken", hostile.uri(kind), tmp_path, seconds=0.5)
    for _ in range(2):
        calls = [connection.call("GET", "/", query={}) for _ in range(10)]
        async with asyncio.timeout(30):
            answers = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(answer, RegistryAway) for answer in answers)
    assert connection.running() == 0
