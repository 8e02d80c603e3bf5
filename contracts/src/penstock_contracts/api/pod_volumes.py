"""Volumes that predictor pods may have beside Penstock's own: nothing of the node's."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from penstock_contracts.api.schema import ApiModel, LongName, Name, Quantity, cel

_KINDS = ("secret", "configMap", "emptyDir", "persistentVolumeClaim", "projected", "csi")
_ONE_KIND = cel(
    (
        f"[{', '.join(f'has(self.{kind})' for kind in _KINDS)}].filter(x, x).size() == 1",
        f"a volume is exactly one of {', '.join(_KINDS)}",
    )
)
_OWN_NAME = cel(("!(self in ['model', 'tmp'])", "volumes model and tmp are Penstock's own"))
_OWN_PATH = cel(
    (
        (
            "self.startsWith('/') && !self.matches('/[.][.]?(/|$)') && "
            "!self.matches('^/*(tmp|usr|bin|lib|lib64|etc|dev)?/*$') && !self.matches('^/+(model|app|proc|sys)(/|$)')"
        ),
        "a path from the root, and none that hides Penstock's program or model",
    )
)

Mode = Annotated[int, Field(ge=0, le=0o777)]
Path = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^:]+$")]


class KeyToPath(ApiModel):
    """A key as a file."""

    key: Annotated[str, Field(min_length=1, max_length=253)]
    """The key."""
    path: Path
    """The file, below the volume."""
    mode: Mode | None = None
    """Its permissions."""


Items = Annotated[tuple[KeyToPath, ...], Field(max_length=32)]


class SecretVolume(ApiModel):
    """Files from a Secret."""

    secret_name: LongName
    """Name of the Secret."""
    items: Items | None = None
    """Some keys only; none: all."""
    default_mode: Mode | None = None
    """Permissions of the files."""
    optional: bool | None = None
    """Whether the pod starts without it."""


class ConfigMapVolume(ApiModel):
    """Files from a ConfigMap."""

    name: LongName
    """Name of the ConfigMap."""
    items: Items | None = None
    """Some keys only; none: all."""
    default_mode: Mode | None = None
    """Permissions of the files."""
    optional: bool | None = None
    """Whether the pod starts without it."""


class EmptyDirVolume(ApiModel):
    """An empty folder, which goes with the pod."""

    medium: Literal["", "Memory"] | None = None
    """Memory: it counts as the container's."""
    size_limit: Quantity | None = None
    """How much may be in it."""


class ClaimVolume(ApiModel):
    """A persistent volume. With more than one pod it must be one that many may mount."""

    claim_name: LongName
    """Name of the PersistentVolumeClaim."""
    read_only: bool | None = None
    """Whether it can only be read."""


class ProjectedSecret(ApiModel):
    """Keys of a Secret."""

    name: LongName
    """Name of the Secret."""
    items: Items | None = None
    """Some keys only; none: all."""
    optional: bool | None = None
    """Whether the pod starts without it."""


class ProjectedConfigMap(ApiModel):
    """Keys of a ConfigMap."""

    name: LongName
    """Name of the ConfigMap."""
    items: Items | None = None
    """Some keys only; none: all."""
    optional: bool | None = None
    """Whether the pod starts without it."""


class ProjectedToken(ApiModel):
    """A token of the pods' service account, for others than the API server."""

    audience: Annotated[str, Field(min_length=1, max_length=253)]
    """For whom it is."""
    path: Path
    """The file, below the volume."""
    expiration_seconds: Annotated[int, Field(ge=600, le=2**32)] | None = None
    """How long it holds."""


class Projection(ApiModel):
    """One source of a projected volume: exactly one of its fields."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "[has(self.secret), has(self.configMap), has(self.serviceAccountToken)].filter(x, x).size() == 1",
                "name exactly one of secret, configMap and serviceAccountToken",
            )
        )
    )

    secret: ProjectedSecret | None = None
    """Keys of a Secret."""
    config_map: ProjectedConfigMap | None = None
    """Keys of a ConfigMap."""
    service_account_token: ProjectedToken | None = None
    """A token of the pods' service account."""


class ProjectedVolume(ApiModel):
    """Several sources in one folder."""

    sources: Annotated[tuple[Projection, ...], Field(min_length=1, max_length=8)]
    """What is in it."""
    default_mode: Mode | None = None
    """Permissions of the files."""


class CsiVolume(ApiModel):
    """A volume that a driver makes for the pod, such as one with certificates or secrets."""

    driver: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the driver."""
    read_only: bool | None = None
    """Whether it can only be read."""
    fs_type: Annotated[str, Field(max_length=63)] | None = None
    """File system."""
    volume_attributes: Annotated[dict[str, Annotated[str, Field(max_length=1024)]], Field(max_length=32)] | None = None
    """What the driver asks for."""


class Volume(ApiModel):
    """A volume of the pods: its name, and exactly one kind."""

    model_config = ConfigDict(json_schema_extra=_ONE_KIND)

    name: Annotated[Name, Field(json_schema_extra=_OWN_NAME)]
    """What mounts call it."""
    secret: SecretVolume | None = None
    """Files from a Secret."""
    config_map: ConfigMapVolume | None = None
    """Files from a ConfigMap."""
    empty_dir: EmptyDirVolume | None = None
    """An empty folder."""
    persistent_volume_claim: ClaimVolume | None = None
    """A persistent volume."""
    projected: ProjectedVolume | None = None
    """Several sources in one folder."""
    csi: CsiVolume | None = None
    """A volume that a driver makes."""


class VolumeMount(ApiModel):
    """Where the containers see a volume."""

    name: Name
    """The volume's name."""
    mount_path: Annotated[str, Field(max_length=512, pattern=r"^[^:]+$", json_schema_extra=_OWN_PATH)]
    """Where it is seen."""
    sub_path: Annotated[str, Field(max_length=512, pattern=r"^[^/:][^:]*$")] | None = None
    """A path in the volume instead of its root."""
    read_only: bool | None = None
    """Whether the containers can only read it."""
