"""A revision's Kubernetes objects, built without I/O, and the revision's name."""

import hashlib
import json
from typing import Any

from penstock_contracts.api import duration
from penstock_contracts.api.logger import Logger, LoggerMode
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec, Predictor, RegistryRef
from penstock_contracts.names import LABEL_MODEL_DEPLOYMENT, LABEL_REVISION, PREDICTOR_GRPC_PORT, PREDICTOR_PORT
from penstock_controller.rollout.decision import CreateWorkload
from penstock_controller.workload import names
from penstock_controller.workload.feature_store import looked_up_at
from penstock_controller.workload.placement import Placement
from penstock_controller.workload.prediction_records import recorded_to
from penstock_controller.workload.template import joined
from penstock_controller.workload.traces import traced_to

Object = dict[str, Any]

_MODEL_DIR = "/model"
# Evenly where that can be; a pod that cannot be placed so is placed elsewhere.
_SPREAD = tuple(
    {"maxSkew": 1, "topologyKey": across, "whenUnsatisfiable": "ScheduleAnyway"}
    for across in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
)
_JOINED = {"env", "volumes", "volumeMounts", "topologySpreadConstraints", "containerSecurityContext"}
"""Parts of what is wanted that are joined with ours, or stand in the containers."""
_LOCKED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}


def revision_of(name: str, spec: ModelDeploymentSpec, digest: str, placement: Placement) -> str:
    """The name of what would run: a hash of model digest and pod template.

    The version number is not in it: a version with the same bytes is the same revision.
    """
    template = pod_template(name, spec, digest, placement)
    # Labels and annotations that nobody wants are no part of the name: revisions keep theirs.
    parts = [digest, template["spec"], *([template["metadata"]] if template["metadata"] else [])]
    material = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(material.encode()).hexdigest()[: names.REVISION_LENGTH]


def pods_of(placement: Placement) -> str:
    """A hash of what is the same in every predictor pod: the image, what the administrator set, and this template."""
    # Where it can be recorded, the monitor's address is in pods too.
    predictor = Predictor(logger=Logger(mode=LoggerMode.ALL)) if placement.monitor_url else Predictor()
    registry = RegistryRef(model="any", alias="any")
    named = revision_of("", ModelDeploymentSpec(registry=registry, predictor=predictor), "", placement)
    if not placement.feature_stores:
        return named
    stores = json.dumps([named, *sorted((name, store.uri) for name, store in placement.feature_stores.items())])
    return hashlib.sha256(stores.encode()).hexdigest()[: names.REVISION_LENGTH]


def pod_template(name: str, spec: ModelDeploymentSpec, digest: str, placement: Placement) -> Object:
    """Labels, annotations and pod of a revision, without what names the revision itself."""
    wanted = joined(placement.template, spec.predictor.pod_template)
    return {"metadata": wanted["metadata"], "spec": _pod_spec(name, spec, digest, placement, wanted["spec"])}


def _pod_spec(name: str, spec: ModelDeploymentSpec, digest: str, placement: Placement, wanted: Object) -> Object:
    """The pod of a revision: an init container brings the model's bytes, the main container serves them.

    `wanted`: what administrator and user ask for beside them.
    """
    timeout = duration.seconds(spec.predictor.timeout)
    container = {
        "image": placement.image,
        "imagePullPolicy": placement.pull_policy,
        "env": [*wanted.get("env", []), *_environment(name, spec, digest, placement)],
        "securityContext": wanted.get("containerSecurityContext", {}) | _LOCKED,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    tmp = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 - in the pod
    mounts = [tmp, *wanted.get("volumeMounts", [])]
    model = {"name": "model", "mountPath": _MODEL_DIR}
    resources = spec.predictor.resources.model_dump(mode="json")
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": int(placement.drain_seconds + timeout + 5),
        "initContainers": [
            container | {"name": "fetch", "args": ["fetch"], "volumeMounts": [model, *mounts], "resources": resources}
        ],
        "containers": [
            container
            | {
                "name": "predictor",
                "args": ["serve"],
                "env": [
                    *container["env"],
                    *recorded_to(spec.predictor.logger, name, placement.monitor_url),
                    *looked_up_at(spec.predictor.features, placement.feature_stores),
                    *traced_to(placement.tracing_endpoint, name, wanted.get("env", [])),
                ],
                "ports": [
                    {"name": "http", "containerPort": PREDICTOR_PORT},
                    {"name": "grpc", "containerPort": PREDICTOR_GRPC_PORT},
                ],
                # Imports take many seconds where the processor is busy: that is no reason to start it again.
                "startupProbe": _probe("/v2/health/live", period=1, failures=180),
                # A pod is a target as soon as the golden request is answered; a lost one is found by the gateway first.
                # Slow answers on a busy node must not take a pod away that serves still.
                "readinessProbe": _probe("/v2/health/ready", period=1, failures=3),
                "livenessProbe": _probe("/v2/health/live", period=10, failures=6),
                "volumeMounts": [model | {"readOnly": True}, *mounts],
                "resources": resources,
            }
        ],
        "volumes": [{"name": "model", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}, *wanted.get("volumes", [])],
        "topologySpreadConstraints": [one | _counted(name) for one in wanted.get("topologySpreadConstraints", _SPREAD)],
    }
    return pod | {part: value for part, value in wanted.items() if part not in _JOINED}


def _counted(name: str) -> Object:
    """Which pods a constraint counts: each revision's by itself."""
    # The revision is a hash of this, so it cannot stand in it.
    return {"labelSelector": {"matchLabels": {LABEL_MODEL_DEPLOYMENT: name}}, "matchLabelKeys": [LABEL_REVISION]}


def _probe(path: str, *, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 2,
        "failureThreshold": failures,
    }


def _environment(name: str, spec: ModelDeploymentSpec, digest: str, placement: Placement) -> list[Object]:
    predictor = spec.predictor
    values = {
        "PENSTOCK_MODEL_NAME": name,
        "PENSTOCK_MODEL_DIGEST": digest,
        "PENSTOCK_MODEL_DIR": _MODEL_DIR,
        "PENSTOCK_STORE_URL": placement.store_url,
        "PENSTOCK_DRAIN_SECONDS": str(placement.drain_seconds),
        "PENSTOCK_REQUEST_TIMEOUT_SECONDS": f"{duration.seconds(predictor.timeout):g}",
        "PENSTOCK_MAX_BATCH_SIZE": str(predictor.batcher.max_batch_size),
        "PENSTOCK_MAX_LATENCY_SECONDS": f"{duration.seconds(predictor.batcher.max_latency):g}",
        "PENSTOCK_WORKERS": str(predictor.workers),
    }
    return [{"name": key, "value": value} for key, value in values.items()]


def metadata(owner: Object, revision: str, annotations: dict[str, str] | None = None) -> Object:
    """What every object of a revision is named, labelled and owned by."""
    name = owner["metadata"]["name"]
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name,
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
    return {
        "name": names.workload_name(name, revision),
        "namespace": owner["metadata"]["namespace"],
        "labels": names.labels(name, revision),
        "annotations": annotations or {},
        "ownerReferences": [reference],
    }


def deployment(owner: Object, workload: CreateWorkload, template: Object) -> Object:
    """The revision's Deployment. `owner` is the ModelDeployment as read from the API server."""
    wanted = template["metadata"]
    annotations = {names.ANNOTATION_DIGEST: workload.digest, names.ANNOTATION_MODEL_VERSION: workload.version}
    # The version is a label on the bytes: it is no part of what names the revision, so it joins the pod only here.
    labelled = {"name": "PENSTOCK_MODEL_VERSION", "value": workload.version}
    pod = template["spec"] | {
        part: [item | {"env": [*item["env"], labelled]} for item in template["spec"][part]]
        for part in ("initContainers", "containers")
    }
    template = {
        "metadata": {
            "labels": wanted.get("labels", {}) | names.labels(owner["metadata"]["name"], workload.revision),
            "annotations": wanted.get("annotations", {}) | annotations,
        },
        "spec": pod,
    }
    made = deployment_of(owner, workload.revision, workload.digest, workload.version, template)
    return made | {"spec": made["spec"] | {"replicas": workload.replicas}}


def deployment_of(owner: Object, revision: str, digest: str, version: str, template: Object) -> Object:
    """The Deployment of a pod template, without its number of pods: that may be an autoscaler's."""
    name = owner["metadata"]["name"]
    annotations = {names.ANNOTATION_DIGEST: digest, names.ANNOTATION_MODEL_VERSION: version}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(owner, revision, annotations),
        "spec": {
            "revisionHistoryLimit": 0,
            "paused": False,
            # Somebody's edit of the template must not take pods away before others are ready in their place.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
            "selector": {"matchLabels": names.selector(name, revision)},
            "template": template,
        },
    }


def service(owner: Object, revision: str, digest: str) -> Object:
    """The revision's Service: its EndpointSlices, which inherit the labels, are what the gateway watches."""
    name = owner["metadata"]["name"]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(owner, revision, {names.ANNOTATION_DIGEST: digest}),
        "spec": {
            "type": "ClusterIP",
            "publishNotReadyAddresses": False,
            "selector": names.selector(name, revision),
            "ports": [
                {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"},
                {"name": "grpc", "port": 81, "targetPort": "grpc", "protocol": "TCP"},
            ],
        },
    }
