"""The agent's process: the one place that puts its pieces together."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from kubernetes.aio.client import ApiClient

from penstock_gateway.api_server.latest_snapshot import LatestSnapshot
from penstock_gateway.api_server.watch import ENDPOINT_SLICES, MODEL_DEPLOYMENTS, KindWatch, connect
from penstock_gateway.app import AppSources, create_app
from penstock_gateway.envoy.bootstrap import ConfigPaths
from penstock_gateway.envoy.envoy_admin import EnvoyAdmin
from penstock_gateway.loop.agent import Agent
from penstock_gateway.loop.drain import Drain
from penstock_gateway.loop.metrics import GatewayMetrics
from penstock_gateway.loop.publish import Publisher
from penstock_gateway.settings import GatewaySettings

_log = logging.getLogger(__name__)


async def run_agent(settings: GatewaySettings) -> None:
    """Return when the pod is ending and Envoy is gone; any other end is an error, and the kubelet starts it again."""
    envoy = EnvoyAdmin(settings.admin_port)
    api = await connect(settings.kubeconfig, in_cluster="KUBERNETES_SERVICE_HOST" in os.environ)
    try:
        await _serve(settings, envoy, api)
    finally:
        await api.close()
        await envoy.close()


async def _serve(settings: GatewaySettings, envoy: EnvoyAdmin, api: ApiClient) -> None:
    metrics, latest, drain = GatewayMetrics(), LatestSnapshot(time.monotonic), Drain(envoy)
    settings.config_dir.mkdir(parents=True, exist_ok=True)
    paths = ConfigPaths(folder=settings.config_dir)
    publisher = Publisher(paths, envoy, max_body_bytes=settings.max_body_bytes, clock=time.monotonic)
    agent = Agent(latest, publisher, metrics, clock=time.monotonic, wall_clock=time.time)
    app = create_app(
        AppSources(
            pod=settings.pod_name,
            agent_status=lambda: agent.status,
            silent_seconds=lambda: time.monotonic() - agent.progress_at,
            draining=lambda: drain.has_begun,
            registry=metrics.registry,
            tries=envoy.tries,
            user_requests=envoy.user_requests,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, drain.begin)
    async with asyncio.TaskGroup() as group:
        endless = [group.create_task(agent.run()), group.create_task(_http_server(app, settings).serve())]
        for kind in (MODEL_DEPLOYMENTS, ENDPOINT_SLICES):
            watcher = KindWatch(api=api, kind=kind, namespace=settings.watch_namespace, latest=latest)
            endless.append(group.create_task(watcher.run()))
        await drain.run()
        _log.info("envoy is gone; ending")
        for task in endless:
            task.cancel()


class _HttpServer(uvicorn.Server):
    """A server that leaves the process's signals to us: after SIGTERM it answers on while Envoy drains."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _http_server(app: FastAPI, settings: GatewaySettings) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        host=settings.listen_address,
        port=settings.agent_port,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=30,
        limit_concurrency=64,
    )
    return _HttpServer(config)
