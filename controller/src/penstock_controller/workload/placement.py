"""What the administrator decides about every predictor pod."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from penstock_contracts.api.pod_template import PodSecurityContext, PodSpec, PodTemplate, SeccompProfile
from penstock_contracts.monitor_replicas import NO_REPLICAS, MonitorReplicas
from penstock_controller.settings import FeatureStoreSettings

_NOBODY = PodSecurityContext(
    run_as_non_root=True,
    run_as_user=65532,
    run_as_group=65532,
    fs_group=65532,
    seccomp_profile=SeccompProfile(type="RuntimeDefault"),
)
_BUILT_IN = PodTemplate(spec=PodSpec(security_context=_NOBODY))


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Settings that end in each pod template: a change makes new revisions, rolled out like any other."""

    image: str
    store_url: str
    monitor_url: str = ""
    """Where prediction records go; empty: there is no drift monitor, and nothing is recorded."""
    monitor_replicas: MonitorReplicas = NO_REPLICAS
    """Of the drift monitor, where there are several: records go to the one that holds the resource."""
    tracing_endpoint: str = ""
    """Of the collector that takes traces; empty: there is none, and nothing is traced."""
    feature_stores: Mapping[str, FeatureStoreSettings] = field(default_factory=dict)
    """By the names that `spec.predictor.features.connection` has."""
    pull_policy: str = "IfNotPresent"
    template: PodTemplate = _BUILT_IN
    """Under what `spec.predictor.podTemplate` says of one resource's pods."""
    drain_seconds: int = 5
    """After SIGTERM a pod answers for this long, until every gateway pod has stopped sending to it."""

    def of_resource(self, namespace: str, name: str) -> Self:
        """The same with the drift monitor's replica that holds a resource, and the feature stores that it may name."""
        stores = {store: one for store, one in self.feature_stores.items() if one.serves(namespace)}
        if not self.monitor_url:
            return replace(self, feature_stores=stores)
        url = self.monitor_replicas.url(namespace, name, self.monitor_url)
        return replace(self, feature_stores=stores, monitor_url=url, monitor_replicas=NO_REPLICAS)
