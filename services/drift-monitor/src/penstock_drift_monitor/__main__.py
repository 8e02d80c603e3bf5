"""Starts the drift monitor."""

import logging
import sys

import uvicorn
from prometheus_client import REGISTRY

import penstock_json_logs
from penstock_drift_monitor.app import create_app
from penstock_drift_monitor.errors import ReplicasUnsuitable, VolumeUnsuitable
from penstock_drift_monitor.settings import DriftMonitorSettings


def main() -> None:
    """Serve until SIGTERM; answers under way are finished."""
    settings = DriftMonitorSettings()
    penstock_json_logs.configure(settings.log_level)
    try:
        app = create_app(settings, REGISTRY)
    except (ReplicasUnsuitable, VolumeUnsuitable) as error:
        logging.getLogger(__name__).critical("%s", error)
        sys.exit(1)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=settings.drain_seconds,
    )


if __name__ == "__main__":
    main()
