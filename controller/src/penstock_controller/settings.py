"""Every environment variable of the controller."""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from penstock_contracts.api.notify import NotificationReceiver, Receivers
from penstock_contracts.api.pod_template import PodTemplate
from penstock_contracts.api.schema import WebAddress
from penstock_contracts.monitor_replicas import MonitorReplicas


class RegistryConnectionSettings(BaseModel):
    """A registry that resources may name."""

    uri: str
    """MLflow tracking URI."""


class _SharedSettings(BaseModel):
    """What an administrator lets resources name."""

    namespaces: tuple[str, ...] = ()
    """Whose ModelDeployments may name it; empty: all."""

    def serves(self, namespace: str) -> bool:
        """Whether ModelDeployments of a namespace may name it."""
        return not self.namespaces or namespace in self.namespaces


class FeatureStoreSettings(_SharedSettings):
    """A feature store that resources may name."""

    model_config = ConfigDict(extra="forbid")

    uri: WebAddress
    """Base address of its server."""


class OutsideServiceSettings(_SharedSettings):
    """A service that gates may ask."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    uri: str
    """Where it answers: of a Prometheus, its base; of a service that checks, the whole address."""
    timeout: float = Field(default=10.0, ge=0.1, le=30)
    """Seconds within which a Prometheus is to answer."""


class MeasurementSettings(BaseModel):
    """What gates named query and webhook may ask."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    prometheus: dict[str, OutsideServiceSettings] = Field(default_factory=dict)
    """Prometheus servers, or what answers like one, by name."""
    webhooks: dict[str, OutsideServiceSettings] = Field(default_factory=dict)
    """Services that check, by name."""
    allow_urls: bool = Field(default=False, alias="allowUrls")
    """Whether a gate may name an address of its own."""


class ControllerSettings(BaseSettings):
    """Read from the environment, prefix `PENSTOCK_`."""

    model_config = SettingsConfigDict(env_prefix="PENSTOCK_", use_attribute_docstrings=True)

    version: str = "unknown"
    """Of the chart that installed it."""
    namespace: str
    """Where Penstock itself runs: its gateway pods are looked for here."""
    release: str = "penstock"
    """Name of the Helm release: its gateway pods are the ones that must acknowledge."""
    watch_namespace: str = ""
    """The one namespace whose ModelDeployments are served; empty: all."""
    store_url: str
    """Base URL of the model store."""
    monitor_url: str = ""
    """Base URL of the drift monitor, where any of its replicas answers; empty: none is installed."""
    monitor_replicas: str = ""
    """Its replicas where there are several, name=url,name=url: each resource is asked for at the one that holds it."""
    tracing_endpoint: str = ""
    """Base URL of the collector that predictors send traces to, by OTLP over HTTP; empty: they trace nothing."""
    predictor_image: str
    """Image of predictor pods."""
    predictor_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When the kubelet pulls it."""
    predictor_template: Path | None = None
    """YAML file: what every predictor pod has, in the words of `spec.predictor.podTemplate`. None: what is built in."""
    role_binding: str = ""
    """Name of the binding by which the controller may act: claims on namespaces go with it. Empty: they stay."""
    registries: Path
    """YAML file: `registries: {<name>: {uri: ...}}`."""
    credentials: Path = Path("/etc/penstock-credentials")
    """Folder with a file for each value of the registries' credentials, read anew at each use; need not exist."""
    measurements: Path | None = None
    """YAML file of what gates may ask: `prometheus: {<name>: {uri: ...}}`, `webhooks` likewise. None: nothing."""
    measurement_headers: Path = Path("/etc/penstock-measurement-headers")
    """Folder `prometheus/<name>` or `webhooks/<name>` with a file for each header, read at each use; need not exist."""
    feature_stores: dict[str, FeatureStoreSettings] = Field(default_factory=dict)
    """JSON: the feature stores by the names that `spec.predictor.features.connection` has."""
    gateway_url: str
    """Base of `status.url`."""
    cluster_name: str = ""
    """The cluster's name in the registry's tags; empty: it is left out."""
    notify: Receivers = ()
    """JSON in the words of `spec.notify`: who is told of resources that name nobody. Secrets are in `namespace`."""
    monitor_pages: str = ""
    """Base of the drift monitor's pages, as people reach them; empty: notifications link to none."""
    poll_seconds: float = Field(default=2.0, gt=0)
    """How often each alias is looked up."""
    resync_seconds: float = Field(default=60.0, gt=0)
    """How often a resource is looked at when nothing happens."""
    store_keep_seconds: float = Field(default=60.0, gt=0)
    """How often the model store is told what is still needed."""
    max_concurrent_rollouts: int = Field(default=5, ge=1, le=1000)
    """Attempts under way up to which those begin that come from a new predictor image or drain time."""
    workers: int = Field(default=4, ge=1, le=32)
    """Resources worked on at the same time."""
    drain_seconds: int = Field(default=5, ge=0, le=300)
    """How long a predictor pod answers after it was told to end."""
    health_port: int = 8080
    metrics_port: int = 8081
    log_level: str = "INFO"

    @field_validator("notify")
    @classmethod
    def _named_once(cls, receivers: tuple[NotificationReceiver, ...]) -> tuple[NotificationReceiver, ...]:
        """Of resources, the API server sees to that."""
        if len({receiver.name for receiver in receivers}) < len(receivers):
            raise ValueError("each name must be there once only")
        return receivers

    def described(self) -> dict[str, object]:
        """What an operator looks for first in the log: version, scope, registries, and how it is set."""
        registries = {name: urlsplit(each.uri).netloc.rpartition("@")[2] for name, each in self.connections().items()}
        shown = self.model_dump(mode="json", exclude={"version", "registries", "credentials", "watch_namespace"})
        scope = self.watch_namespace or "all namespaces"
        return {"version": self.version, "scope": scope, "registries": registries, "settings": shown}

    def replicas(self) -> MonitorReplicas:
        """The drift monitor's replicas. Raises ValueError naming the variable."""
        try:
            return MonitorReplicas.parsed(self.monitor_replicas)
        except ValueError as error:
            raise ValueError(f"PENSTOCK_MONITOR_REPLICAS: {error}") from error

    def connections(self) -> dict[str, RegistryConnectionSettings]:
        """The registry connections by name. Raises ValueError naming file and field."""
        content = yaml.safe_load(self.registries.read_text()) or {}
        return {
            name: RegistryConnectionSettings.model_validate(value)
            for name, value in content.get("registries", {}).items()
        }

    def outside(self) -> MeasurementSettings:
        """What gates may ask. Raises ValueError naming the field."""
        if self.measurements is None:
            return MeasurementSettings()
        return MeasurementSettings.model_validate(yaml.safe_load(self.measurements.read_text()) or {})

    def pod_template(self) -> PodTemplate | None:
        """What every predictor pod has; None: what is built in. Raises ValueError naming the field."""
        if self.predictor_template is None:
            return None
        return PodTemplate.model_validate(yaml.safe_load(self.predictor_template.read_text()) or {})
