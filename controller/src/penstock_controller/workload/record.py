"""A revision's record: what its Deployment is made of, kept as it was made, built without I/O.

A ControllerRevision, as a StatefulSet keeps its templates: the API server lets nobody change its data.
"""

from dataclasses import dataclass

from penstock_controller.workload import names
from penstock_controller.workload.objects import Object, metadata


@dataclass(frozen=True, kw_only=True)
class RevisionRecord:
    """What a revision runs as."""

    digest: str
    version: str
    template: Object
    """Of its pods."""


def controller_revision(owner: Object, revision: str, record: RevisionRecord) -> Object:
    """The object that keeps a record."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata(owner, revision, {names.ANNOTATION_DIGEST: record.digest}),
        "revision": 1,
        "data": {"digest": record.digest, "version": record.version, "template": record.template},
    }


def record_in(found: Object) -> RevisionRecord | None:
    """The record that an object keeps; None: it keeps none."""
    data = found.get("data")
    if not isinstance(data, dict):
        return None
    digest, version, template = data.get("digest"), data.get("version"), data.get("template")
    if not (isinstance(digest, str) and isinstance(version, str) and isinstance(template, dict)):
        return None
    return RevisionRecord(digest=digest, version=version, template=template)
