"""ModelDeployment v1alpha1: the single source of the CRD, its reference page and the controller's own types.

A line under a field is its help in `kubectl explain`. Cross-field rules stand in `x-kubernetes-validations` (CEL): the
API server enforces them, so nothing else needs to be up.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from penstock_contracts.traffic import Traffic
from penstock_controller.api import duration


def _cel(*rules: tuple[str, str]) -> dict[str, Any]:
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}


def _between(low: str, high: str) -> dict[str, Any]:
    return _cel(
        (
            f"duration(self) >= duration('{low}') && duration(self) <= duration('{high}')",
            f"must be from {low} to {high}",
        )
    )


class ApiModel(BaseModel):
    """A part of the resource: camelCase in the API, snake_case here."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )


class StatusModel(ApiModel):
    """A part of the status: an older controller reads what a newer one wrote, so unknown fields are let pass."""

    model_config = ConfigDict(extra="ignore")


Name = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
Quantity = Annotated[
    str | int,
    Field(
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE](\+|-)?[0-9]+)?$",
            "maxLength": 32,
        }
    ),
]
ResourceList = Annotated[dict[str, Quantity], Field(max_length=8)]


class RegistryRef(ApiModel):
    """Which model, and which version of it."""

    model_config = ConfigDict(
        json_schema_extra=_cel(("has(self.alias) != has(self.version)", "name exactly one of alias and version"))
    )

    connection: Name = "default"
    """Name of a registry connection; the administrator defines connections in the chart's `registries`."""
    model: Annotated[str, Field(min_length=1, max_length=250, pattern=r"^[^/:\x00-\x1f]+$")]
    """Name of the registered model."""
    alias: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=100,
                pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
                json_schema_extra=_cel(
                    (
                        "self.lowerAscii() != 'latest' && !self.matches('^[vV][0-9]+$')",
                        "MLflow reserves 'latest' and v<number>: choose another alias",
                    )
                ),
            ),
        ]
        | None
    ) = None
    """Follow this alias: moving it in the registry starts a rollout."""
    version: Annotated[str, Field(max_length=12, pattern=r"^[1-9][0-9]*$")] | None = None
    """Stay at this version."""


class Resources(ApiModel):
    """Compute resources of each predictor pod's container."""

    model_config = ConfigDict(
        json_schema_extra=_cel(
            (
                (
                    "!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits) || "
                    "quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)"
                ),
                "a request must not be larger than its limit",
            )
        )
    )

    requests: ResourceList = {"cpu": "100m", "memory": "256Mi"}
    """What the scheduler sets aside."""
    limits: ResourceList = {"memory": "1Gi"}
    """What the container may use at most."""


class Predictor(ApiModel):
    """The pods that serve a version."""

    min_replicas: Annotated[int, Field(ge=1, le=100)] = 2
    """Pods of the stable version."""
    resources: Resources = Resources()
    """Compute resources of each pod."""
    timeout: Annotated[
        str,
        Field(max_length=16, pattern=duration.PATTERN, json_schema_extra=_between("100ms", "10m")),
    ] = "10s"
    """Time limit of one request."""


class ModelDeploymentSpec(ApiModel):
    """What the user wants."""

    registry: RegistryRef
    """The model and its version."""
    predictor: Predictor = Predictor()
    """The pods that serve it."""
    progress_deadline: Annotated[
        str,
        Field(max_length=16, pattern=duration.PATTERN, json_schema_extra=_between("10s", "24h")),
    ] = "10m"
    """A new version whose pods are not ready in this time is taken back."""
    revision_history_limit: Annotated[int, Field(ge=1, le=20)] = 5
    """Decision records kept in status."""
    paused: bool = False
    """While true, no new version is started."""


class Phase(StrEnum):
    """Where the resource stands."""

    PENDING = "Pending"
    """The version is not known or not fetched yet; nothing serves."""
    INITIALIZING = "Initializing"
    """The first version is starting."""
    HEALTHY = "Healthy"
    """Stable serves; nothing is on trial."""
    PROGRESSING = "Progressing"
    """A candidate is starting; it gets no users' requests yet."""
    PROMOTING = "Promoting"
    """The gateway pods are moving all requests to the candidate."""
    ROLLING_BACK = "RollingBack"
    """The candidate is being taken away."""
    DEGRADED = "Degraded"
    """Nothing serves, or no pod of stable is ready."""


class Completion(StrEnum):
    """How an attempt ended."""

    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    SUPERSEDED = "Superseded"


class Revision(StatusModel):
    """A version as it runs."""

    revision: str
    """Hash of model digest and pod template; its workload is named `<resource>-<revision>`."""
    version: str
    """The registry's version number."""
    digest: str
    """Digest of the bytes that run."""


class Stable(Revision):
    """The revision that serves users."""

    since: str
    """When it was promoted (RFC 3339)."""


class Candidate(Revision):
    """The revision on trial."""

    attempt: int
    """Number of this attempt."""
    started_at: str
    """When the attempt began (RFC 3339)."""
    weight: int = 0
    """Per cent of the users' requests that every gateway pod is known to send to it."""


class Retiring(Revision):
    """A revision that gets no requests any more and whose pods finish what they have."""

    unrouted_at: str | None = None
    """When every gateway pod had stopped sending it requests (RFC 3339); its drain time counts from here."""


class Refusal(StatusModel):
    """The version that is not tried again until the alias's target or the resource's generation changes."""

    version: str
    revision: str | None = None
    """None: it was refused before it had one."""
    created_at_ms: int
    """Creation time of the refused version in the registry, in milliseconds since 1970."""
    generation: Annotated[int, Field(json_schema_extra={"format": "int64"})]
    """The generation of the spec it was refused under."""
    reason: str
    """Why, in one word."""
    message: str
    """Why, with the field or file, and what to do."""


class DecisionRecord(StatusModel):
    """How an attempt ended, and why."""

    attempt: int
    """Number of the attempt."""
    version: str
    """The registry's version number."""
    digest: str
    """Digest of the bytes that ran."""
    revision: str
    """The revision that was tried."""
    completion: Completion
    """How it ended."""
    reason: str
    """Why, in one word; Event, log line and metric carry the same word."""
    message: str
    """Why, in a sentence with the numbers."""
    started_at: str
    """RFC 3339."""
    ended_at: str
    """RFC 3339."""


class Condition(StatusModel):
    """As in Kubernetes' API conventions; read by kstatus."""

    type: str
    status: Annotated[str, Field(json_schema_extra={"enum": ["True", "False", "Unknown"]})]
    reason: Annotated[str, Field(max_length=128)]
    message: Annotated[str, Field(max_length=4096)]
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    observed_generation: Annotated[int, Field(json_schema_extra={"format": "int64"})]


class ModelDeploymentStatus(StatusModel):
    """What is known to be."""

    observed_generation: Annotated[int, Field(json_schema_extra={"format": "int64"})] = 0
    """The generation of the spec that this status speaks of."""
    phase: Phase = Phase.PENDING
    """Where the resource stands."""
    message: Annotated[str, Field(max_length=4096)] = ""
    """What it waits for, or why it went back."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    """Ready, Reconciling, Stalled, RegistryReachable."""
    attempt: int = 0
    """Number of the latest attempt."""
    stable: Stable | None = None
    """The revision that serves users."""
    candidate: Candidate | None = None
    """The revision on trial."""
    retiring: Annotated[tuple[Retiring, ...], Field(max_length=16)] = ()
    """Revisions that finish what they have."""
    refused: Refusal | None = None
    """The version that is not tried again."""
    traffic: Traffic | None = None
    """What the gateway is told, and what every gateway pod is known to do."""
    history: Annotated[tuple[DecisionRecord, ...], Field(max_length=20)] = ()
    """Decision records, newest first."""
    url: str | None = None
    """Where the model answers inside the cluster."""
