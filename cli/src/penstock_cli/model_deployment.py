"""A ModelDeployment, as far as the plugin reads it."""

from pydantic import AliasPath, Field

from penstock_cli.kubernetes_objects import KubernetesObject
from penstock_contracts.api.status import ModelDeploymentStatus, Phase
from penstock_contracts.api.strategy import Strategy
from penstock_contracts.api.v1alpha1 import RegistryRef
from penstock_contracts.base import ResourceContract


class ShownSpec(ResourceContract):
    """The part of the spec that is shown. The rest is not read, so that a gate of a newer release cannot break it."""

    registry: RegistryRef
    strategy: Strategy = Strategy()
    paused: bool = False


class ModelDeploymentView(KubernetesObject):
    """A ModelDeployment."""

    spec: ShownSpec
    status: ModelDeploymentStatus = ModelDeploymentStatus()
    phase: str = Field(Phase.PENDING.value, validation_alias=AliasPath("status", "phase"))
    """As it is written: `status.phase` reads a word of a newer controller as Pending."""

    @property
    def path(self) -> str:
        """Namespace and name, as messages have it."""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    @property
    def observed(self) -> bool:
        """Whether the controller has written a status."""
        return bool(self.status.model_fields_set)
