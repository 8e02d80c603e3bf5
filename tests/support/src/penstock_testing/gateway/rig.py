"""Envoy, agent and upstreams together."""

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from penstock_contracts.evidence import RevisionTries, TryReason
from penstock_contracts.traffic import TrafficSplit
from penstock_gateway.__main__ import envoy_command
from penstock_gateway.api_server.latest_snapshot import LatestSnapshot
from penstock_gateway.api_server.snapshot import ApiServerSnapshot, Endpoint, ModelKey
from penstock_gateway.envoy.bootstrap import ConfigPaths
from penstock_gateway.envoy.envoy_admin import EnvoyAdmin
from penstock_gateway.envoy.evidence import evidence_of_attempt
from penstock_gateway.loop.agent import Agent, AgentStatus
from penstock_gateway.loop.metrics import GatewayMetrics
from penstock_gateway.loop.publish import Publisher
from penstock_gateway.settings import GatewaySettings
from penstock_testing.gateway.objects import NAME, NAMESPACE, endpoint_slices, model_deployment, with_split
from penstock_testing.gateway.server import ScriptedServer
from penstock_testing.gateway.upstream import Upstream, free_ports

START_SECONDS = 60.0
KEY = ModelKey(NAMESPACE, NAME)


def loopback_settings(folder: Path, **more: Any) -> GatewaySettings:
    """Ports that nobody uses, all on 127.0.0.1, and `more`."""
    user, replay, probe, agent, admin = free_ports(5)
    return GatewaySettings(
        config_dir=folder,
        pod_name="gateway-test",
        listen_address="127.0.0.1",
        user_port=user,
        replay_port=replay,
        probe_port=probe,
        agent_port=agent,
        admin_port=admin,
        log_level="WARNING",
        **more,
    )


class EnvoyProcess:
    """The real Envoy, started as its container starts it."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.log = settings.config_dir.with_suffix(".envoy.log")

    def start(self) -> None:
        """Return when it is live."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(envoy_command(self._settings), stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        while not self._is_live():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"Envoy did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """As kill -9 does it."""
        self.end(signal.SIGKILL)

    def end(self, number: int) -> None:
        """Send a signal and wait for the end."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)
            self._process.wait()

    def _is_live(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._settings.admin_port}/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


class GatewayRig:
    """What a test holds. Passes of the agent run when the test says so."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings = loopback_settings(folder / "config", **settings)
        self.envoy = EnvoyProcess(self.settings)
        self.admin = EnvoyAdmin(self.settings.admin_port)
        self.paths = ConfigPaths(folder=self.settings.config_dir)
        self._upstreams: list[Upstream] = []
        self._servers: list[ScriptedServer] = []
        self.new_agent()

    def new_agent(self) -> None:
        """As after a restart of the agent's container: it knows what is on disk, and nothing else."""
        self.latest = LatestSnapshot(time.monotonic)
        self.publisher = Publisher(
            self.paths, self.admin, max_body_bytes=self.settings.max_body_bytes, clock=time.monotonic
        )
        self.agent = Agent(self.latest, self.publisher, GatewayMetrics(), clock=time.monotonic, wall_clock=time.time)

    def upstream(self, version: str) -> Upstream:
        """Start a server; it ends with the rig."""
        one = Upstream(version)
        self._upstreams.append(one)
        return one.start()

    async def apply(
        self,
        weights: Mapping[str, int],
        endpoints: Mapping[str, Sequence[Endpoint]],
        *,
        number: int = 1,
        seconds: float = 10.0,
    ) -> AgentStatus:
        """One ModelDeployment with these weights and endpoints: one pass of the agent."""
        slices = [one for revision, found in endpoints.items() for one in endpoint_slices(revision, found)]
        return await self.apply_objects([model_deployment(weights, number=number, timeout=seconds)], slices)

    async def apply_split(self, split: TrafficSplit, endpoints: Mapping[str, Sequence[Endpoint]]) -> AgentStatus:
        """One ModelDeployment with this split: one pass of the agent."""
        slices = [one for revision, found in endpoints.items() for one in endpoint_slices(revision, found)]
        return await self.apply_objects([with_split(split)], slices)

    async def evidence(self, attempt: int) -> Mapping[tuple[str, TryReason], RevisionTries]:
        """What the agent says of tries at this ModelDeployment's servers."""
        counted = await self.admin.tries(KEY)
        return {(one.revision, one.reason): one for one in evidence_of_attempt(counted.counters, attempt)}

    async def server(self, name: str, address: str = "127.0.0.1") -> ScriptedServer:
        """Start a fast server in this event loop; it ends with the rig. `address`: of this host."""
        one = ScriptedServer(name, address)
        self._servers.append(one)
        return await one.start()

    async def apply_objects(
        self, deployments: Sequence[dict[str, Any]], slices: Sequence[dict[str, Any]]
    ) -> AgentStatus:
        """The API server's complete lists: one pass of the agent."""
        self.latest.fold(
            lambda snapshot: ApiServerSnapshot.with_slices(
                ApiServerSnapshot.with_model_deployments(snapshot, deployments), slices
            )
        )
        await self.agent.pass_once()
        return self.agent.status

    @property
    def url(self) -> str:
        """Of the users' port."""
        return f"http://127.0.0.1:{self.settings.user_port}"

    async def __aenter__(self) -> Self:
        self.envoy.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        for one in self._upstreams:
            one.kill()
        for server in self._servers:
            server.stop()
        self.envoy.kill()
        await self.admin.close()
