"""Both containers' processes as the pod runs them, with a real API server."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from kubernetes.aio.client import ApiClient

from penstock_contracts.evidence import GatewayEvidence
from penstock_contracts.traffic import GatewayStatus
from penstock_gateway.envoy.files import read_version
from penstock_gateway.settings import GatewaySettings
from penstock_testing.gateway.cluster import create_model_deployment, write_split
from penstock_testing.gateway.rig import EnvoyProcess, loopback_settings

WAIT = 60.0


class AgentProcess:
    """`python -m penstock_gateway agent`."""

    def __init__(self, settings: GatewaySettings, kubeconfig: str, namespace: str) -> None:
        self.url = f"http://127.0.0.1:{settings.agent_port}"
        told = settings.model_dump() | {"watch_namespace": namespace, "kubeconfig": kubeconfig}
        environment = {f"PENSTOCK_{name.upper()}": str(value) for name, value in told.items()}
        command = [sys.executable, "-m", "penstock_gateway", "agent"]
        self.process = subprocess.Popen(command, env=os.environ | environment)

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            return await client.get(self.url + path)

    async def until(self, path: str, true: Callable[[httpx.Response], bool]) -> httpx.Response:
        async with asyncio.timeout(WAIT):
            while True:
                assert self.process.poll() is None, "the agent has ended"
                try:
                    if true(answer := await self.get(path)):
                        return answer
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def settings(tmp_path: Path) -> GatewaySettings:
    return loopback_settings(tmp_path / "config")


@pytest.fixture
async def envoy(settings: GatewaySettings) -> AsyncIterator[EnvoyProcess]:
    envoy = EnvoyProcess(settings)
    yield envoy
    envoy.kill()


def applied_path(namespace: str) -> str:
    return f"/v1/applied/{namespace}/fraud-detector"


def is_ready(answer: httpx.Response) -> bool:
    return answer.status_code == 200


async def test_from_the_api_server_to_users_and_back_out(
    api: ApiClient, api_server: str, namespace: str, settings: GatewaySettings, envoy: EnvoyProcess
) -> None:
    agent = AgentProcess(settings, api_server, namespace)
    try:
        not_yet = await agent.until("/ready", lambda _: True)
        assert not_yet.status_code == 503
        envoy.start()
        await agent.until("/ready", is_ready)

        await create_model_deployment(api, namespace)
        await write_split(api, namespace, number=3)
        answer = await agent.until(applied_path(namespace), lambda answer: bool(answer.json()["applied"]))
        assert (await agent.get("/live")).status_code == 200
        status = GatewayStatus.model_validate(answer.json())
        assert (status.pod, status.rejected) == ("gateway-test", "")
        assert status.applied is not None
        assert (status.namespace, status.applied.number) == (namespace, 3)
        assert status.applied.endpoints == {"r1": 0}
        assert 'penstock_gateway_traffic_applied_number{name="fraud-detector"' in (await agent.get("/metrics")).text

        answer = await agent.get(f"/v1/evidence/{namespace}/fraud-detector?attempt=1")
        evidence = GatewayEvidence.model_validate(answer.json())
        assert (evidence.pod, evidence.attempt, evidence.tries) == ("gateway-test", 1, ())
        assert evidence.epoch

        agent.process.send_signal(signal.SIGTERM)
        await agent.until("/ready", lambda answer: answer.status_code == 503)
        await write_split(api, namespace, number=4)
        await agent.until(applied_path(namespace), lambda answer: answer.json()["applied"]["number"] == 4)
        envoy.end(signal.SIGTERM)
        assert await asyncio.to_thread(agent.process.wait, WAIT) == 0
    finally:
        agent.kill()


async def test_an_agent_restarts_with_the_api_server_away(
    api: ApiClient, api_server: str, namespace: str, settings: GatewaySettings, envoy: EnvoyProcess
) -> None:
    envoy.start()
    agent = AgentProcess(settings, api_server, namespace)
    try:
        await create_model_deployment(api, namespace)
        await write_split(api, namespace, number=3)
        await agent.until(applied_path(namespace), lambda answer: bool(answer.json()["applied"]))
    finally:
        agent.kill()
    version = read_version(settings.config_dir / "routes.json")
    agent = AgentProcess(settings, kubeconfig_of_nobody(api_server, settings), namespace)
    try:
        await agent.until("/ready", is_ready)
        answer = await agent.get(applied_path(namespace))
        assert answer.json()["applied"]["number"] == 3
        assert read_version(settings.config_dir / "routes.json") == version
    finally:
        agent.kill()


def kubeconfig_of_nobody(kubeconfig: str, settings: GatewaySettings) -> str:
    path = settings.config_dir.with_name("kubeconfig")
    path.write_text(Path(kubeconfig).read_text().replace(":6443", ":1"))
    return str(path)
