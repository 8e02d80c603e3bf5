"""Starts the model store."""

import uvicorn
from prometheus_client import REGISTRY

import penstock_json_logs
from penstock_model_store.app import create_app
from penstock_model_store.settings import ModelStoreSettings, Registries


def main() -> None:
    """Serve until SIGTERM; answers under way are finished."""
    settings = ModelStoreSettings()
    penstock_json_logs.configure(settings.log_level)
    app = create_app(settings, Registries.read(settings.registries), REGISTRY)
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
