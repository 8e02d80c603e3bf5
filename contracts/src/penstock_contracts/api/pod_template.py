"""What the pods of a cluster must have beside their program: `spec.predictor.podTemplate`, in the shapes of Kubernetes.

Bounded: no host's files, no privilege, no other program. What belongs to Penstock (its labels, its variables, its
volumes) cannot be named here.
"""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from penstock_contracts.api.pod_volumes import Volume, VolumeMount
from penstock_contracts.api.schema import ApiModel, LabelValue, LongName, cel, list_by

_OURS = (
    "self.all(key, !key.startsWith('penstock.dev/') && !key.startsWith('app.kubernetes.io/'))",
    "penstock.dev/ and app.kubernetes.io/ are Penstock's own",
)
_NOT_PENSTOCKS = cel(("!self.startsWith('PENSTOCK_')", "variables that begin with PENSTOCK_ are Penstock's own"))
_FREE = {"x-kubernetes-preserve-unknown-fields": True}
"""Taken as it is: the API server checks it when the pods' Deployment is made."""

Labels = Annotated[dict[str, LabelValue], Field(max_length=32, json_schema_extra=cel(_OURS))]
Annotations = Annotated[
    dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=32, json_schema_extra=cel(_OURS))
]
NodeSelector = Annotated[dict[str, LabelValue], Field(max_length=32)]
Free = Annotated[dict[str, Any], Field(max_length=8, json_schema_extra=_FREE)]
Id = Annotated[int, Field(ge=0, le=2**31 - 1)]


class PodMetadata(ApiModel):
    """Labels and annotations of each pod."""

    labels: Labels | None = None
    """Labels beside Penstock's own, such as a cost centre or what a mesh asks for."""
    annotations: Annotations | None = None
    """Annotations beside Penstock's own."""


class Toleration(ApiModel):
    """A taint that the pods put up with."""

    key: Annotated[str, Field(max_length=316)] | None = None
    """The taint's key; none: all taints, with operator Exists."""
    operator: Literal["Exists", "Equal"] | None = None
    """Exists or Equal, which is the default."""
    value: Annotated[str, Field(max_length=63)] | None = None
    """The taint's value, with operator Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect; none: all."""
    toleration_seconds: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """With NoExecute: how long a pod stays on a node that gets the taint."""


class Affinity(ApiModel):
    """Which nodes, and beside which pods. Terms are checked when the pods' Deployment is made."""

    node_affinity: Free | None = None
    """As in a pod."""
    pod_affinity: Free | None = None
    """As in a pod."""
    pod_anti_affinity: Free | None = None
    """As in a pod."""


class TopologySpreadConstraint(ApiModel):
    """How evenly the pods of each version are spread; which pods are counted is Penstock's to say."""

    topology_key: Annotated[str, Field(min_length=1, max_length=316)]
    """The node's label that names the place, such as topology.kubernetes.io/zone."""
    max_skew: Annotated[int, Field(ge=1, le=1000)]
    """How many pods more one place may have than another."""
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    """What happens with a pod that cannot be placed so."""
    min_domains: Annotated[int, Field(ge=1, le=1000)] | None = None
    """With DoNotSchedule: the fewest places there must be."""
    node_affinity_policy: Literal["Honor", "Ignore"] | None = None
    """Whether nodes that the pods may not use are counted."""
    node_taints_policy: Literal["Honor", "Ignore"] | None = None
    """Whether nodes whose taints the pods do not tolerate are counted."""


class LocalReference(ApiModel):
    """An object in the same namespace."""

    name: LongName
    """Its name."""


class SeccompProfile(ApiModel):
    """Which calls of the kernel are let through."""

    type: Literal["RuntimeDefault", "Localhost"]
    """Whose profile."""
    localhost_profile: Annotated[str, Field(max_length=256)] | None = None
    """With Localhost: the file on the node."""


class SeLinuxOptions(ApiModel):
    """The SELinux context."""

    user: Annotated[str, Field(max_length=128)] | None = None
    """User."""
    role: Annotated[str, Field(max_length=128)] | None = None
    """Role."""
    type: Annotated[str, Field(max_length=128)] | None = None
    """Type."""
    level: Annotated[str, Field(max_length=128)] | None = None
    """Level."""


class Sysctl(ApiModel):
    """A kernel parameter of the pod."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Its name."""
    value: Annotated[str, Field(max_length=253)]
    """Its value."""


class PodSecurityContext(ApiModel):
    """Whom the pods run as. A field that stands here goes before the chart's, one by one."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.runAsUser) || self.runAsUser > 0 || (has(self.runAsNonRoot) && !self.runAsNonRoot)",
                "runAsUser: 0 is root: no pod would start with runAsNonRoot",
            )
        )
    )

    run_as_non_root: bool | None = None
    """Whether a pod is refused that would run as root."""
    run_as_user: Id | None = None
    """User id. The images run under any."""
    run_as_group: Id | None = None
    """Group id."""
    fs_group: Id | None = None
    """Group that owns the pod's volumes."""
    fs_group_change_policy: Literal["Always", "OnRootMismatch"] | None = None
    """When the volumes' owner is set."""
    supplemental_groups: Annotated[tuple[Id, ...], Field(max_length=16)] | None = None
    """More groups."""
    seccomp_profile: SeccompProfile | None = None
    """Which calls of the kernel are let through."""
    se_linux_options: SeLinuxOptions | None = None
    """The SELinux context."""
    sysctls: Annotated[tuple[Sysctl, ...], Field(max_length=16)] | None = None
    """Kernel parameters of the pod."""


class ContainerSecurityContext(ApiModel):
    """What policies ask of containers. They have no privilege, no capability and a read-only root in any case."""

    run_as_non_root: bool | None = None
    """Whether a container is refused that would run as root."""
    run_as_user: Id | None = None
    """User id."""
    run_as_group: Id | None = None
    """Group id."""
    seccomp_profile: SeccompProfile | None = None
    """Which calls of the kernel are let through."""
    se_linux_options: SeLinuxOptions | None = None
    """The SELinux context."""


class KeyReference(ApiModel):
    """A key of a Secret or ConfigMap in the same namespace."""

    name: LongName
    """The object's name."""
    key: Annotated[str, Field(min_length=1, max_length=253)]
    """The key."""
    optional: bool | None = None
    """Whether the pod starts without it."""


class FieldReference(ApiModel):
    """A field of the pod."""

    field_path: Annotated[str, Field(min_length=1, max_length=253)]
    """Such as metadata.name or status.hostIP."""


class ValueSource(ApiModel):
    """Where a variable's value comes from: exactly one."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef)].filter(x, x).size() == 1",
                "name exactly one of secretKeyRef, configMapKeyRef and fieldRef",
            )
        )
    )

    secret_key_ref: KeyReference | None = None
    """A key of a Secret."""
    config_map_key_ref: KeyReference | None = None
    """A key of a ConfigMap."""
    field_ref: FieldReference | None = None
    """A field of the pod."""


class EnvironmentVariable(ApiModel):
    """An environment variable of the pods' containers."""

    model_config = ConfigDict(
        json_schema_extra=cel(("!(has(self.value) && has(self.valueFrom))", "name one of value and valueFrom"))
    )

    name: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", json_schema_extra=_NOT_PENSTOCKS)]
    """Its name."""
    value: Annotated[str, Field(max_length=4096)] | None = None
    """Its value."""
    value_from: ValueSource | None = None
    """Where its value comes from."""


class PodSpec(ApiModel):
    """Where the pods run, as whom, and with what. What is a list by name is joined with the chart's, name by name."""

    node_selector: NodeSelector | None = None
    """Labels that a node must have."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=32)] | None = None
    """Taints that the pods put up with, beside those of the chart."""
    affinity: Affinity | None = None
    """Which nodes, and beside which pods."""
    topology_spread_constraints: (
        Annotated[
            tuple[TopologySpreadConstraint, ...],
            Field(max_length=8, json_schema_extra=list_by("topologyKey", "whenUnsatisfiable")),
        ]
        | None
    ) = None
    """How evenly the pods are spread. None: over nodes and zones, where that can be."""
    priority_class_name: LongName | None = None
    """Which pods go first."""
    runtime_class_name: LongName | None = None
    """Which container runtime runs them."""
    scheduler_name: LongName | None = None
    """Which scheduler places them."""
    image_pull_secrets: (
        Annotated[tuple[LocalReference, ...], Field(max_length=16, json_schema_extra=list_by("name"))] | None
    ) = None
    """Secrets, in this namespace, for pulling the image."""
    service_account_name: LongName | None = None
    """The pods' service account. Its token is not mounted."""
    security_context: PodSecurityContext | None = None
    """Whom the pods run as."""
    container_security_context: ContainerSecurityContext | None = None
    """The same for the containers, where a policy asks for it there."""
    env: Annotated[tuple[EnvironmentVariable, ...], Field(max_length=64, json_schema_extra=list_by("name"))] | None = (
        None
    )
    """Environment variables of the pods' containers."""
    volumes: Annotated[tuple[Volume, ...], Field(max_length=16, json_schema_extra=list_by("name"))] | None = None
    """Volumes beside Penstock's own."""
    volume_mounts: (
        Annotated[tuple[VolumeMount, ...], Field(max_length=16, json_schema_extra=list_by("mountPath"))] | None
    ) = None
    """Where the containers see them."""


class PodTemplate(ApiModel):
    """What the pods of a cluster must have: placement, pull secrets, labels, variables, volumes, security context."""

    metadata: PodMetadata | None = None
    """Labels and annotations of each pod."""
    spec: PodSpec | None = None
    """Where the pods run, as whom, and with what."""
