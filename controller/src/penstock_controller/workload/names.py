"""Names of child objects, annotations and condition types."""

import re

from penstock_contracts.names import COMPONENT_PREDICTOR, LABEL_COMPONENT, LABEL_MODEL_DEPLOYMENT, LABEL_REVISION

ANNOTATION_DIGEST = "penstock.dev/digest"
ANNOTATION_MODEL_VERSION = "penstock.dev/model-version"
ANNOTATION_PROMOTED = "penstock.dev/promoted-attempt"
"""On a workload that became stable: the attempt's number. From these a lost status is rebuilt."""

REVISION_LENGTH = 10
_REVISION = re.compile(f"[0-9a-f]{{{REVISION_LENGTH}}}")

LABEL_INSTANCE = "app.kubernetes.io/instance"
LABEL_NAME = "app.kubernetes.io/name"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
FIELD_MANAGER = "penstock-controller"


def is_revision(text: str) -> bool:
    """Whether this can be a revision: a shortened hash."""
    return bool(_REVISION.fullmatch(text))


def claim_labels() -> dict[str, str]:
    """The labels on a release's claim on a namespace."""
    return {LABEL_NAME: "penstock", LABEL_COMPONENT: "claim", LABEL_MANAGED_BY: FIELD_MANAGER}


def workload_name(model_deployment: str, revision: str) -> str:
    """The name of a revision's Deployment and Service."""
    return f"{model_deployment}-{revision}"


def selector(model_deployment: str, revision: str) -> dict[str, str]:
    """The labels that select exactly one revision's pods."""
    return {LABEL_MODEL_DEPLOYMENT: model_deployment, LABEL_REVISION: revision}


def labels(model_deployment: str, revision: str) -> dict[str, str]:
    """The labels on every object of a revision."""
    return {
        LABEL_NAME: "penstock",
        LABEL_COMPONENT: COMPONENT_PREDICTOR,
        LABEL_MANAGED_BY: FIELD_MANAGER,
        **selector(model_deployment, revision),
    }
