"""Start kopf with settings; nothing else."""

import asyncio
import os

import kopf
from prometheus_client import CollectorRegistry, start_http_server

import penstock_json_logs
from penstock_controller.handlers import lifecycle, model_deployment
from penstock_controller.settings import Settings


def main() -> None:
    """Run the controller until it is told to end."""
    settings = Settings()
    penstock_json_logs.configure(settings.log_level)
    metrics = CollectorRegistry()
    start_http_server(settings.metrics_port, registry=metrics)
    registry = kopf.OperatorRegistry()
    lifecycle.register(registry, settings, metrics)
    model_deployment.register(registry)
    # kopf names itself after the user, and a pod's numeric user has no name.
    os.environ.setdefault("LOGNAME", "penstock-controller")
    asyncio.run(
        kopf.operator(
            registry=registry,
            standalone=True,
            clusterwide=not settings.watch_namespace,
            namespaces=[settings.watch_namespace] if settings.watch_namespace else [],
            liveness_endpoint=f"http://0.0.0.0:{settings.health_port}/healthz",
            memo=kopf.Memo(),
        )
    )


if __name__ == "__main__":
    main()
