"""What the administrator decides about every predictor pod."""

from dataclasses import dataclass

from penstock_controller.api.pod_template import PodSecurityContext, PodSpec, PodTemplate, SeccompProfile

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
    pull_policy: str = "IfNotPresent"
    template: PodTemplate = _BUILT_IN
    """Under what `spec.predictor.podTemplate` says of one resource's pods."""
    drain_seconds: int = 5
    """After SIGTERM a pod answers for this long, until every gateway pod has stopped sending to it."""
