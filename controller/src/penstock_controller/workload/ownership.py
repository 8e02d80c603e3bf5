"""Whose an object is. Labels only find it: ownership decides."""

from enum import StrEnum

from penstock_controller.workload import names
from penstock_controller.workload.objects import Object

_SIGNED = {"Deployment", "Service", "ControllerRevision"}


class Ownership(StrEnum):
    """What an object that was found is to us."""

    OURS = "ours"
    """Owned by the resource, by uid, under the name that we give."""
    UNOWNED = "unowned"
    """Made by a controller of ours for a resource of this name that was deleted without it, or restored: adopted."""
    FOREIGN = "foreign"


def ownership(found: Object, owner: Object) -> Ownership:
    """What an object is to a ModelDeployment. `owner`: that, as it was read from the API server."""
    metadata, name = found["metadata"], owner["metadata"]["name"]
    labels = metadata.get("labels") or {}
    revision = revision_named(metadata["name"], name)
    controller = next((item for item in metadata.get("ownerReferences") or [] if item.get("controller")), None)
    if revision is None:
        return Ownership.FOREIGN
    if controller is None:
        complete = labels.items() >= names.labels(name, revision).items()
        # What can get users' requests must say more than labels do, which people copy.
        signed = found["kind"] not in _SIGNED or names.ANNOTATION_DIGEST in (metadata.get("annotations") or {})
        return Ownership.UNOWNED if complete and signed else Ownership.FOREIGN
    if controller.get("uid") == owner["metadata"]["uid"]:
        return Ownership.OURS
    former = (controller.get("kind"), controller.get("name")) == (owner["kind"], name)
    return Ownership.UNOWNED if former else Ownership.FOREIGN


def revision_named(child: str, name: str) -> str | None:
    """The revision in a name that we give; None: we give no such name."""
    revision = child.removeprefix(f"{name}-")
    return revision if revision != child and names.is_revision(revision) else None


def why_foreign(found: Object) -> str:
    """Which object it is, and why it is left alone."""
    metadata = found["metadata"]
    owners = [item for item in metadata.get("ownerReferences") or [] if item.get("controller")]
    owned = f"owned by {owners[0].get('kind')} {owners[0].get('name')}" if owners else "owned by nobody"
    return (
        f"{found['kind']} {metadata['name']} carries this resource's labels and is not its own ({owned}): "
        "it is left alone; remove the labels penstock.dev/* from it, or delete it"
    )
