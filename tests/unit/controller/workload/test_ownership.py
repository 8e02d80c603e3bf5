"""Whose an object is."""

from typing import Any

import pytest

from penstock_controller.workload import names
from penstock_controller.workload.ownership import Ownership, ownership, revision_named

OWNER = {"apiVersion": "penstock.dev/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "m", "uid": "u-2"}}
REVISION = "0123456789"
LABELS = names.labels("m", REVISION)
SIGNED = {names.ANNOTATION_DIGEST: "sha256:a"}


def owned(uid: str, kind: str = "ModelDeployment", name: str = "m") -> list[dict[str, Any]]:
    return [{"kind": kind, "name": name, "uid": uid, "controller": True}]


@pytest.mark.parametrize(
    ("metadata", "whose"),
    [
        ({"name": f"m-{REVISION}", "ownerReferences": owned("u-2")}, Ownership.OURS),
        ({"name": "copy", "labels": LABELS, "ownerReferences": owned("u-2")}, Ownership.FOREIGN),
        ({"name": f"m-{REVISION}", "labels": LABELS, "annotations": SIGNED}, Ownership.UNOWNED),
        ({"name": f"m-{REVISION}", "labels": LABELS}, Ownership.FOREIGN),
        ({"name": f"m-{REVISION}", "annotations": SIGNED}, Ownership.FOREIGN),
        ({"name": f"m-{REVISION}", "labels": LABELS, "ownerReferences": owned("u-1")}, Ownership.UNOWNED),
        ({"name": f"m-{REVISION}", "labels": LABELS, "ownerReferences": owned("u-1", "App")}, Ownership.FOREIGN),
        ({"name": f"m-{REVISION}", "labels": LABELS, "ownerReferences": owned("u-1", name="n")}, Ownership.FOREIGN),
        ({"name": "theirs", "labels": LABELS, "annotations": SIGNED}, Ownership.FOREIGN),
    ],
    ids=[
        "owned by uid, whatever its labels",
        "owned by uid, under a name that we never give",
        "left by an earlier life",
        "with our labels alone",
        "without our labels",
        "owned by an earlier life",
        "owned by something else",
        "owned by another resource",
        "with all but our name",
    ],
)
def test_ownership_decides(metadata: dict[str, Any], whose: Ownership) -> None:
    assert ownership({"kind": "Deployment", "metadata": metadata}, OWNER) is whose


def test_a_name_of_another_resource_that_begins_alike_is_not_ours() -> None:
    assert revision_named(f"m-{REVISION}", "m") == REVISION
    assert revision_named(f"m-n-{REVISION}", "m") is None
    assert revision_named("m-", "m") is None
    assert revision_named("m", "m") is None
