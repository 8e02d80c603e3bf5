"""The Job that trains, built without I/O from the user's template."""

from typing import Any

from penstock_contracts.api import duration
from penstock_contracts.api.retrain import Retrain
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.names import LABEL_COMPONENT, LABEL_MODEL_DEPLOYMENT
from penstock_controller.rollout.decision import StartJob
from penstock_controller.workload import names
from penstock_controller.workload.objects import Object

LABEL_RETRAINING = "penstock.dev/retraining"
"""On the Job's pods: the resource. Never its other labels, by which gateways and policies know predictor pods."""
ANNOTATION_STARTED = "penstock.dev/started-at"
_COMPONENT = "retraining"
_OURS = ("penstock.dev/", "app.kubernetes.io/")


def retraining_job(
    owner: Object,
    spec: ModelDeploymentSpec,
    retrain: Retrain,
    start: StartJob,
    monitor_url: str,
) -> Object | None:
    """The Job, with all that its template says; None: there is none. `owner`: the ModelDeployment as it was read.

    Each container is told by variables what this is about. A template of another shape than a Job's is passed on as it
    is: the API server says what is wrong with it.
    """
    metadata, template = owner["metadata"], retrain.job_template
    if template is None:
        return None
    wanted = template.metadata
    labels = {LABEL_COMPONENT: _COMPONENT, names.LABEL_NAME: "penstock", names.LABEL_MANAGED_BY: names.FIELD_MANAGER}
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
    job_spec = {"activeDeadlineSeconds": int(duration.seconds(retrain.time_limit)), **template.spec}
    pod_labels = labels | {LABEL_RETRAINING: metadata["name"]}
    told = environment(
        metadata,
        spec,
        run=start.name,
        reason=start.reason,
        stable_version=start.stable_version,
        monitor_url=monitor_url,
    )
    job_spec["template"] = _pod_template(job_spec.get("template"), pod_labels, told)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": start.name,
            "namespace": metadata["namespace"],
            "labels": {**((wanted and wanted.labels) or {}), **labels, LABEL_MODEL_DEPLOYMENT: metadata["name"]},
            "annotations": {**((wanted and wanted.annotations) or {}), ANNOTATION_STARTED: start.started_at},
            "ownerReferences": [reference],
        },
        "spec": job_spec,
    }


def environment(
    metadata: Object, spec: ModelDeploymentSpec, *, run: str, reason: str, stable_version: str, monitor_url: str
) -> dict[str, str]:
    """What a training is told, by variable. `metadata`: of the ModelDeployment. `run`: the training's name."""
    monitor = monitor_url.rstrip("/")
    where = f"{metadata['namespace']}/{metadata['name']}"
    values = {
        "PENSTOCK_NAMESPACE": metadata["namespace"],
        "PENSTOCK_NAME": metadata["name"],
        "PENSTOCK_MODEL": spec.registry.model,
        "PENSTOCK_ALIAS": spec.registry.alias or "",
        "PENSTOCK_STABLE_VERSION": stable_version,
        "PENSTOCK_REASON": reason,
        "PENSTOCK_RUN_TAG": run,
    }
    addresses = {
        "PENSTOCK_MONITOR_URL": monitor,
        "PENSTOCK_REPORT_URL": f"{monitor}/v1/reports/{where}",
        "PENSTOCK_WINDOW_URL": f"{monitor}/v1/window/{where}",
    }
    return values | (addresses if monitor else dict.fromkeys(addresses, ""))


def _pod_template(template: Any, labels: dict[str, str], environment: dict[str, str]) -> Any:
    if not isinstance(template, dict):
        return template
    metadata, pod = template.get("metadata") or {}, template.get("spec")
    if not isinstance(metadata, dict) or not isinstance(pod, dict):
        return template
    given = metadata.get("labels") or {}
    if not isinstance(given, dict):
        return template
    theirs = {key: value for key, value in given.items() if not key.startswith(_OURS)}
    containers = {
        part: [_told(item, environment) for item in pod[part]]
        for part in ("initContainers", "containers")
        if isinstance(pod.get(part), list)
    }
    return template | {"metadata": metadata | {"labels": theirs | labels}, "spec": pod | containers}


def _told(container: Any, environment: dict[str, str]) -> Any:
    """The container with our variables first, so that its own may refer to them, and without its own of these names."""
    if not isinstance(container, dict):
        return container
    given = container.get("env") or []
    if not isinstance(given, list):
        return container
    own = [item for item in given if not (isinstance(item, dict) and item.get("name") in environment)]
    return container | {"env": [*({"name": name, "value": value} for name, value in environment.items()), *own]}
