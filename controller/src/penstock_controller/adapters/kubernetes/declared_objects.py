"""Objects as they are to be: made where they are missing, put back where they differ, left alone where not ours."""

from kubernetes.aio.client import ApiClient

from penstock_contracts.api.reasons import Reason
from penstock_controller.adapters.kubernetes.child_objects import ApiKind, ChildObjects
from penstock_controller.errors import Rejected, WriteConflict
from penstock_controller.workload.drift import Edit, edits, value_at
from penstock_controller.workload.objects import Object
from penstock_controller.workload.ownership import Ownership, ownership


class DeclaredObjects:
    """Brings objects to what is declared. Each call raises Rejected, WriteConflict, ClusterAway."""

    def __init__(self, api: ApiClient) -> None:
        self._objects = ChildObjects(api)

    async def keep(self, kind: ApiKind, wish: Object, owner: Object, new: Object | None = None) -> None:
        """Make an object, or put back what differs. `new`: what its spec has besides, where it is made."""
        live = await self._live_or_made(kind, wish, owner, new)
        if live and differences(kind, wish, live, owner):
            await self._write(kind, wish, live, owner)

    async def put(self, kind: ApiKind, wish: Object, owner: Object) -> None:
        """Make an object, or write over it, whether it differs or not."""
        live = await self._live_or_made(kind, wish, owner)
        if live:
            await self._write(kind, wish, live, owner)

    async def remove(self, kind: ApiKind, owner: Object, namespace: str, name: str) -> None:
        """Delete an object of this owner; one that is not there, or leaves already, is no news."""
        live = await self._objects.find(kind, namespace, name)
        if live is None or live["metadata"].get("deletionTimestamp"):
            return
        if ownership(live, owner) is not Ownership.FOREIGN:
            await self._objects.delete(kind, live)

    async def _live_or_made(
        self, kind: ApiKind, wish: Object, owner: Object, new: Object | None = None
    ) -> Object | None:
        """The object that is there and ours; None: it was made just now."""
        metadata = wish["metadata"]
        live = await self._objects.find(kind, metadata["namespace"], metadata["name"])
        if live is None:
            try:
                await self._objects.create(kind, wish | ({"spec": wish["spec"] | new} if new else {}))
            except WriteConflict:  # made at the same moment: the next pass sees by whom
                return None
            return None
        _refuse_what_is_not_ours(live, owner)
        return live

    async def _write(self, kind: ApiKind, wish: Object, live: Object, owner: Object) -> None:
        changed = differences(kind, wish, live, owner)
        await self._objects.set(kind, live, _replaced(kind, wish, live, changed, owner))
        await self._objects.apply(kind, wish, live)


def differences(kind: ApiKind, wish: Object, live: Object, owner: Object) -> tuple[Edit, ...]:
    """Where a live object is not as declared, its owner first."""
    adopted = ownership(live, owner) is Ownership.UNOWNED
    unowned = (Edit(field="metadata.ownerReferences", manager=""),) if adopted else ()
    return (*unowned, *edits(wish, live, kind.exact))


def _replaced(
    kind: ApiKind, wish: Object, live: Object, changed: tuple[Edit, ...], owner: Object
) -> dict[tuple[str, ...], object]:
    """The fields that are replaced as a whole: those of which nothing of anybody else's may stay."""
    values = {
        part: value_at(wish, part)
        for part in kind.exact
        if any(f"{edit.field}.".startswith((".".join(part) + ".", ".".join(part) + "[")) for edit in changed)
    }
    if ownership(live, owner) is Ownership.UNOWNED:
        # Only one owner may be the controller: the one of an earlier life gives way.
        others = [item for item in live["metadata"].get("ownerReferences") or [] if not item.get("controller")]
        values["metadata", "ownerReferences"] = [*others, *wish["metadata"]["ownerReferences"]]
    return values


def _refuse_what_is_not_ours(live: Object, owner: Object) -> None:
    metadata = live["metadata"]
    if ownership(live, owner) is Ownership.FOREIGN:
        raise Rejected(
            f"{live['kind']} {metadata['name']} is there already and is not this resource's: delete or rename it",
            reason=Reason.FOREIGN_OBJECT,
        )
    if metadata.get("deletionTimestamp"):
        finalizers = ", ".join(metadata.get("finalizers") or []) or "none"
        raise Rejected(
            f"{live['kind']} {metadata['name']} is being deleted and not gone yet (finalizers: {finalizers})",
            reason=Reason.BEING_DELETED,
        )
