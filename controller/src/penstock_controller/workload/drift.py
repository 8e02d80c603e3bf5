"""Where a live object is not as declared, and who wrote that. Pure.

The API server fills in defaults and rewrites values (a cpu of `1000m` becomes `1`), and a cluster's own admission
policies change what we send. So a value counts as edited only where another field manager has it now: what is still
ours came out of our own last write, and writing it again would change nothing.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from penstock_controller.workload import names
from penstock_controller.workload.objects import Object

_DEFAULTED = frozenset(
    {
        "apiVersion", "creationTimestamp", "defaultMode", "divisor", "dnsPolicy", "failureThreshold", "imagePullPolicy",
        "optional", "periodSeconds", "protocol", "resources", "restartPolicy", "schedulerName", "scheme",
        "securityContext", "serviceAccount", "sizeLimit", "successThreshold", "terminationMessagePath",
        "terminationMessagePolicy", "timeoutSeconds", "valueFrom",
    }
)  # fmt: skip
"""Fields that the API server fills in where nobody has said them."""
_ALLOWED = frozenset({"kubectl.kubernetes.io/restartedAt"})
"""`kubectl rollout restart` is a person's wish, and changes nothing that runs."""
_KEYS = ("name", "mountPath", "topologyKey", "containerPort", "port")
"""What the items of a list are known by."""
_ABSENT = object()


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A field that is not as declared."""

    field: str
    manager: str
    """Who has it now; empty: nobody."""


@dataclass(frozen=True)
class _Managed:
    """Who manages a field and what is below it: the trees of `metadata.managedFields`."""

    trees: tuple[tuple[str, Any], ...]

    def below(self, key: str) -> "_Managed":
        """Those of a field."""
        return _Managed(tuple((who, tree[f"f:{key}"]) for who, tree in self._open() if f"f:{key}" in tree))

    def item(self, live: Object) -> "_Managed":
        """Those of an item of a list."""
        found = ((who, tree[key]) for who, tree in self._open() for key in tree if _is_key_of(key, live))
        return _Managed(tuple(found))

    def _open(self) -> Iterator[tuple[str, Any]]:
        for who, tree in self.trees:
            if isinstance(tree, dict):
                yield who, tree

    @property
    def ours(self) -> bool:
        """Whether it is ours."""
        return any(who == names.FIELD_MANAGER for who, _ in self.trees)

    @property
    def other(self) -> str:
        """Who has it beside us; empty: nobody."""
        return next((who for who, _ in self.trees if who != names.FIELD_MANAGER), "")

    def whole(self) -> bool:
        """Whether it is managed as one value."""
        return any(tree == {} for _, tree in self.trees)


def edits(declared: Object, live: Object, exact: Sequence[tuple[str, ...]] = ()) -> tuple[Edit, ...]:
    """The fields of a live object that somebody else has changed, removed or, below `exact`, added."""
    managed = _managed(live)
    found = list(_changed(declared, live, managed, ""))
    for part in exact:
        below = managed
        for key in part:
            below = below.below(key)
        found += _added(value_at(declared, part), value_at(live, part), below, ".".join(part))
    return tuple(dict.fromkeys(found))


def value_at(item: Object, field: tuple[str, ...]) -> Any:
    """What stands in a field; None: nothing."""
    found: Any = item
    for key in field:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _managed(live: Object) -> _Managed:
    entries = live["metadata"].get("managedFields") or []
    return _Managed(
        tuple(
            (entry.get("manager", ""), entry.get("fieldsV1") or {}) for entry in entries if not entry.get("subresource")
        )
    )


def _changed(declared: Any, live: Any, managed: _Managed, path: str) -> Iterator[Edit]:
    if _empty(declared) and (live is _ABSENT or _empty(live)):
        return
    if isinstance(declared, dict) and isinstance(live, dict) and not (managed.whole() and declared != live):
        for key, wish in declared.items():
            below = f"{path}.{key}" if path else key
            yield from _changed(wish, live.get(key, _ABSENT), managed.below(key), below)
    elif _keyed(declared) and isinstance(live, list) and not (managed.whole() and declared != live):
        for wish in declared:
            item = _matching(wish, live)
            known = managed.item(item) if item is not None else managed
            found = _ABSENT if item is None else item
            yield from _missing(known, path, wish) if item is None else _changed(wish, found, known, _at(path, wish))
    elif declared != live and (live is _ABSENT or not managed.ours):
        yield Edit(field=path, manager=managed.other)


def _missing(managed: _Managed, path: str, wish: Object) -> Iterator[Edit]:
    yield Edit(field=_at(path, wish), manager=managed.other)


def _added(declared: Any, live: Any, managed: _Managed, path: str) -> Iterator[Edit]:
    """What others have put beside what is declared: a value of an environment, a container, a node selector."""
    if isinstance(declared, dict) and isinstance(live, dict):
        for key, value in live.items():
            below = managed.below(key)
            if key in declared:
                yield from _added(declared[key], value, below, f"{path}.{key}")
            elif below.other and not below.ours and key not in _DEFAULTED | _ALLOWED and not _only_allowed(value):
                yield Edit(field=f"{path}.{key}", manager=below.other)
    elif isinstance(declared, list) and isinstance(live, list):
        for item in live:
            wish = _matching(item, declared) if isinstance(item, dict) else item
            known = managed.item(item) if isinstance(item, dict) else managed
            if isinstance(item, dict) and wish is None and known.other and not known.ours:
                yield Edit(field=_at(path, item), manager=known.other)
            elif isinstance(item, dict) and wish is not None:
                yield from _added(wish, item, known, _at(path, item))


def _only_allowed(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() <= _ALLOWED


def _empty(value: Any) -> bool:
    """The API server drops such values."""
    return value is None or value in (False, "", 0, [], {})


def _keyed(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and _key(item) for item in value)


def _key(item: Object) -> str:
    return next((key for key in _KEYS if key in item), "")


def _at(path: str, item: Object) -> str:
    return f"{path}[{item.get(_key(item), '?')}]"


def _matching(item: Object, among: list[Any]) -> Object | None:
    key = _key(item)
    # Two constraints on how pods are spread may name one place: what tells them apart is the second word.
    also = "whenUnsatisfiable"
    return next(
        (
            one
            for one in among
            if isinstance(one, dict) and key in one and one[key] == item.get(key) and one.get(also) == item.get(also)
        ),
        None,
    )


def _is_key_of(field: str, live: Object) -> bool:
    if not field.startswith("k:"):
        return False
    key = json.loads(field.removeprefix("k:"))
    return all(live.get(name) == value for name, value in key.items())
