"""Every setting, in one place. Each is also an environment variable: PENSTOCK_ and the name in capitals."""

import socket
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from penstock_contracts.names import GATEWAY_AGENT_PORT, GATEWAY_PORT, GATEWAY_PROBE_PORT, GATEWAY_REPLAY_PORT

MIB = 1024 * 1024


class GatewaySettings(BaseSettings):
    """What both containers of a gateway pod are told; they must be told the same.

    No field may be called `gateway_port` or the like: Kubernetes sets PENSTOCK_GATEWAY_PORT=tcp://... in every pod
    beside a Service named penstock-gateway.
    """

    model_config = SettingsConfigDict(env_prefix="PENSTOCK_", env_ignore_empty=True, extra="ignore", frozen=True)

    config_dir: Path = Path("/config")
    """Folder that both containers see: Envoy's bootstrap, clusters and routes. The last good state lives here."""
    watch_namespace: str = ""
    """The one namespace to watch; empty: all of them."""
    pod_name: str = Field(default_factory=socket.gethostname)
    """This pod's name, as told to the controller."""
    kubeconfig: str = ""
    """A kubeconfig file, for runs outside a cluster; empty: the pod's service account, or KUBECONFIG."""

    listen_address: str = "0.0.0.0"  # noqa: S104 - a pod's ports are for the whole pod network
    """Address of the users', replay, probe and agent ports."""
    user_port: int = Field(default=GATEWAY_PORT, ge=1, le=65535)
    """Envoy's port for users."""
    probe_port: int = Field(default=GATEWAY_PROBE_PORT, ge=1, le=65535)
    """Envoy answers 200 here while it runs."""
    replay_port: int = Field(default=GATEWAY_REPLAY_PORT, ge=1, le=65535)
    """Envoy's port for recorded requests, which the drift monitor sends."""
    agent_port: int = Field(default=GATEWAY_AGENT_PORT, ge=1, le=65535)
    """The agent: readiness, acknowledgements, metrics."""
    admin_port: int = Field(default=9901, ge=1, le=65535)
    """Envoy's admin interface; always on 127.0.0.1."""

    max_body_bytes: int = Field(default=8 * MIB, ge=1, le=64 * MIB)
    """Largest request body. Bodies are held in memory until the answer begins, so that a request can be tried again."""
    envoy_concurrency: int = Field(default=2, ge=1, le=64)
    """Envoy's worker threads: about the container's CPU limit."""
    envoy_max_heap_bytes: int = Field(default=768 * MIB, ge=64 * MIB)
    """Envoy refuses requests (503) near this. The container's memory limit must be above it by a quarter or more."""
    envoy_max_connections: int = Field(default=10_000, ge=1)
    """Users' connections that Envoy keeps open at once."""

    tracing_endpoint: str = Field(default="", pattern=r"^(http://[^/?#@\s]+(/[^?#\s]*)?)?$")
    """Where traces go: base address of a collector that takes OTLP over HTTP, without TLS. Empty: nothing is traced."""
    tracing_sampling_percentage: float = Field(default=1, ge=0, le=100)
    """Per cent of the requests that are traced. One that brings a trace context is traced as its flag says."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe log line that is written."""
