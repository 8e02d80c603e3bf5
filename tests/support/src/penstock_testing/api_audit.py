"""What Penstock's identities may do at the API server, against what they did: unused rights, refused calls."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from penstock_testing.cluster import Object

_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, order=True)
class Right:
    """A verb on a resource, of one identity."""

    identity: str
    """Name of the service account."""
    group: str
    resource: str
    """With its subresource: `modeldeployments/status`."""
    verb: str

    def __str__(self) -> str:
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.identity}: {self.verb} {kind}"


@dataclass(frozen=True, kw_only=True)
class ApiAudit:
    """Rights and calls of one run."""

    granted: frozenset[Right]
    used: Counter[Right]
    """How often each was asked for, allowed or not."""
    forbidden: Counter[Right]
    """How often each was refused by RBAC. What admission refuses (a quota, a namespace that ends) is not here."""

    @property
    def unused(self) -> list[Right]:
        """Granted and never asked for, in order."""
        return sorted(self.granted - set(self.used))

    def violations(self, *, whole: bool, left_to_users: Collection[Right] = ()) -> list[str]:
        """What must not be, a sentence each. `whole`: the whole suite ran, so an unused right is one too many.

        `left_to_users`: what a namespace's administrator may grant or not: to be refused these is told, and no fault.
        """
        forbidden = sorted((right, times) for right, times in self.forbidden.items() if right not in left_to_users)
        refused = [f"refused {times} times: {right}" for right, times in forbidden]
        return refused + [f"granted and never used: {right}" for right in self.unused if whole]

    def table(self) -> str:
        """Every right with how often it was used, and every use without a right of the chart's, as lines."""
        rights = sorted(self.granted | set(self.used))
        lines = [f"{self.used[right]:>8} {self._mark(right)} {right}" for right in rights]
        return "\n".join(["   calls   right", *lines])

    def _mark(self, right: Right) -> str:
        if right in self.forbidden:
            return "REFUSED"
        if right not in self.used:
            return "UNUSED "
        return "granted" if right in self.granted else "default"


def judge(rbac: Iterable[Object], calls: Iterable[Object]) -> ApiAudit:
    """`rbac`: the chart's roles and bindings as they stand in the cluster. `calls`: events of the audit log."""
    used: Counter[Right] = Counter()
    forbidden: Counter[Right] = Counter()
    for call in calls:
        right = _asked(call)
        if right is None or _is_the_end_of_a_watch(call):
            continue
        used[right] += 1
        if call.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid":
            forbidden[right] += 1
    return ApiAudit(granted=granted(rbac), used=used, forbidden=forbidden)


def granted(rbac: Iterable[Object]) -> frozenset[Right]:
    """What roles give to service accounts by their bindings, wherever that is."""
    objects = list(rbac)
    roles = {(item["kind"], _place(item), item["metadata"]["name"]): item for item in objects}
    rights = (
        right
        for binding in objects
        if binding["kind"] in _BINDINGS
        for subject in binding["subjects"]
        if subject["kind"] == "ServiceAccount"
        for right in _rights(subject["name"], _role_of(binding, roles))
    )
    return frozenset(rights)


def _role_of(binding: Object, roles: dict[tuple[str, str, str], Object]) -> Object:
    reference = binding["roleRef"]
    place = _place(binding) if reference["kind"] == "Role" else ""
    return roles[reference["kind"], place, reference["name"]]


def _place(item: Object) -> str:
    return str(item["metadata"].get("namespace", ""))


def _rights(identity: str, role: Object) -> Iterator[Right]:
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield Right(identity, group, resource, verb)


def _asked(call: Object) -> Right | None:
    """None: no resource was asked for (discovery), or not by a service account."""
    reference, user = call.get("objectRef"), call["user"]["username"]
    if reference is None or not user.startswith(_ACCOUNT) or "resource" not in reference:
        return None
    names = [reference["resource"], reference.get("subresource", "")]
    return Right(user.rpartition(":")[2], reference.get("apiGroup", ""), "/".join(filter(None, names)), call["verb"])


def _is_the_end_of_a_watch(call: Object) -> bool:
    """Counted when it began. A refused one never began, and has an end only."""
    code = int(call.get("responseStatus", {}).get("code", 0))
    return (call["verb"], call["stage"], code) == ("watch", "ResponseComplete", 200)
