"""Start kopf with settings; nothing else."""

import asyncio
import logging
import os
import sys

import kopf
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

import penstock_json_logs
from penstock_controller import wiring
from penstock_controller.handlers import lifecycle, model_deployment
from penstock_controller.settings import ControllerSettings

_log = logging.getLogger(__name__)


def main() -> None:
    """Run the controller until it is told to end."""
    settings = ControllerSettings()
    penstock_json_logs.configure(settings.log_level)
    metrics = CollectorRegistry()
    ProcessCollector(registry=metrics)
    start_http_server(settings.metrics_port, registry=metrics)
    registry = kopf.OperatorRegistry()
    model_deployment.register(registry)
    _log.info("controller starts", extra=settings.described())
    # kopf names itself after the user, and a pod's numeric user has no name.
    os.environ.setdefault("LOGNAME", "penstock-controller")
    if asyncio.run(_run(registry, settings, metrics)):
        sys.exit(1)


async def _run(registry: kopf.OperatorRegistry, settings: ControllerSettings, metrics: CollectorRegistry) -> bool:
    """Run until told to end, or until a loop has ended that never should; answers whether that was it."""
    stop = asyncio.Event()
    lifecycle.register(registry, wiring.operator(settings, metrics), stop)
    await kopf.operator(
        registry=registry,
        standalone=True,
        clusterwide=not settings.watch_namespace,
        namespaces=[settings.watch_namespace] if settings.watch_namespace else [],
        liveness_endpoint=f"http://0.0.0.0:{settings.health_port}/healthz",
        memo=kopf.Memo(),
        stop_flag=stop,
    )
    return stop.is_set()


if __name__ == "__main__":
    main()
