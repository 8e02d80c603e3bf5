"""Comes last (conftest.py): what Penstock's identities asked the API server in this whole run, by its audit log."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import pytest

from penstock_testing.api_audit import Right, judge
from penstock_testing.cluster import Object
from penstock_testing.lanes import EndToEndRun
from penstock_testing.platform import NAMESPACE, RELEASE, ROOT, Platform

pytestmark = pytest.mark.last

IDENTITIES = f"system:serviceaccount:{NAMESPACE}:"
RBAC = "roles.rbac.authorization.k8s.io,rolebindings.rbac.authorization.k8s.io"
CLUSTER_RBAC = "clusterroles.rbac.authorization.k8s.io,clusterrolebindings.rbac.authorization.k8s.io"

LEFT_TO_USERS = {Right("penstock-controller", "", "secrets", "get")}
"""The Secret with a webhook's headers: the chart gives no right to it, whoever administers its namespace may."""


def test_no_call_was_refused_and_over_the_whole_suite_no_right_was_left_unused(
    platform: Platform, suite_began: float, suite_is_whole: bool, request: pytest.FixtureRequest
) -> None:
    cluster = platform.cluster
    selector = f"app.kubernetes.io/instance={RELEASE}"
    rbac = cluster.items(RBAC, "", selector) + cluster.items(CLUSTER_RBAC, "", selector)
    audit = judge(rbac, _with_rights(cluster.calls_by(IDENTITIES, suite_began)))
    file = ROOT / "build" / "api-audit.txt"
    file.parent.mkdir(exist_ok=True)
    file.write_text(audit.table() + "\n")
    assert audit.granted
    assert audit.used
    assert audit.violations(whole=suite_is_whole, left_to_users=LEFT_TO_USERS) == [], audit.table()


def _with_rights(calls: Iterable[Object]) -> Iterator[Object]:
    """Calls while the release was installed: `helm uninstall` takes the rights of a pod that has not ended yet."""
    away = EndToEndRun.from_environment().times_without_release
    for call in calls:
        at = datetime.fromisoformat(call["requestReceivedTimestamp"]).timestamp()
        if not any(began <= at <= ended for began, ended in away):
            yield call
