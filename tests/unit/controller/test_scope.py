"""Two releases whose scopes overlap: one acts in a namespace, the other says which."""

import logging
from typing import cast

import pytest
from prometheus_client import CollectorRegistry

from penstock_controller.errors import ClusterAway, PenstockError, Rejected
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.scope import LOOK_AGAIN, Scope
from penstock_controller.telemetry import ControllerTelemetry

OURS, OTHER = "here/penstock", "there/penstock"
A, B = ResourceKey("payments", "a"), ResourceKey("ads", "b")


class Passes:
    """What was done with which resource."""

    def __init__(self) -> None:
        self.done: list[ResourceKey] = []
        self.forgotten: list[ResourceKey] = []
        self.failing: list[ResourceKey] = []

    async def reconcile(self, key: ResourceKey) -> float | None:
        self.done.append(key)
        return 7.0

    async def tell(self, key: ResourceKey, error: Exception) -> None:
        self.failing.append(key)

    def forget(self, key: ResourceKey) -> None:
        self.forgotten.append(key)


class Known:
    """Which resources there are."""

    def __init__(self) -> None:
        self.here = {A, B}

    async def keys(self) -> tuple[ResourceKey, ...]:
        return tuple(self.here)

    async def read(self, key: ResourceKey) -> ModelDeployment | None:
        return cast("ModelDeployment", object()) if key in self.here else None

    async def write_status(self, resource: object, status: object) -> None:
        raise AssertionError("a scope writes nothing")

    async def tell(self, key: ResourceKey, trouble: object, now: object) -> bool:
        raise AssertionError("a scope writes nothing")


class Cluster:
    """Who holds which namespace, which resources there are, and what a scope did with it."""

    def __init__(self, **held: str) -> None:
        self.held = held
        self.of_all = OURS
        self.resources = Known()
        self.asked = 0
        self.refusal: PenstockError | None = None
        """What the API server answers to who asks."""
        self.told: list[tuple[str, str]] = []
        self.passes = Passes()
        self.now = 0.0

    async def holder(self, namespace: str) -> str:
        self._ask()
        return self.held.get(namespace, OURS)

    async def holder_of_all(self) -> str:
        self._ask()
        return self.of_all

    def _ask(self) -> None:
        self.asked += 1
        if self.refusal:
            raise self.refusal

    async def tell(self, namespace: str, holder: str) -> None:
        self.told.append((namespace, holder))


def scope(cluster: Cluster, *, only: str = "", metrics: CollectorRegistry | None = None) -> Scope:
    return Scope(
        cluster,
        cluster.passes,
        ControllerTelemetry(metrics or CollectorRegistry()),
        resources=cluster.resources,
        clock=lambda: cluster.now,
        release=OURS,
        only=only,
    )


async def test_a_namespace_that_nobody_else_holds_is_worked_and_asked_about_once() -> None:
    cluster = Cluster()
    acting = scope(cluster, only="payments")
    assert [await acting.reconcile(A) for _ in range(3)] == [7.0] * 3
    assert (cluster.passes.done, cluster.asked, cluster.told) == ([A] * 3, 1, [])


async def test_a_namespace_of_another_release_is_left_alone_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster, metrics = Cluster(payments=OTHER), CollectorRegistry()
    acting = scope(cluster, metrics=metrics)
    with caplog.at_level(logging.WARNING):
        assert [await acting.reconcile(A) for _ in range(3)] == [LOOK_AGAIN] * 3
        assert await acting.reconcile(B) == 7.0
    assert cluster.passes.done == [B]
    assert cluster.told == [("payments", OTHER)]
    assert len([record for record in caplog.records if "another release acts" in record.message]) == 1
    assert metrics.get_sample_value("penstock_controller_namespaces_elsewhere") == 1


async def test_of_two_that_serve_all_namespaces_the_second_acts_in_none() -> None:
    cluster = Cluster()
    cluster.of_all = OTHER
    acting = scope(cluster)
    assert [await acting.reconcile(key) for key in (A, B)] == [LOOK_AGAIN] * 2
    assert cluster.passes.done == []
    assert cluster.told == [("payments", OTHER), ("ads", OTHER)]


async def test_a_release_of_one_namespace_needs_nothing_of_all() -> None:
    cluster = Cluster()
    cluster.of_all = OTHER
    assert await scope(cluster, only="payments").reconcile(A) == 7.0


async def test_when_the_other_release_is_gone_this_one_acts() -> None:
    cluster, metrics = Cluster(payments=OTHER), CollectorRegistry()
    acting = scope(cluster, metrics=metrics)
    assert await acting.reconcile(A) == LOOK_AGAIN
    cluster.held.clear()
    cluster.now += LOOK_AGAIN
    assert await acting.reconcile(A) == 7.0
    assert metrics.get_sample_value("penstock_controller_namespaces_elsewhere") == 0


async def test_a_claim_that_another_took_meanwhile_is_not_taken_for_ours() -> None:
    cluster = Cluster()
    acting = scope(cluster)
    assert await acting.reconcile(A) == 7.0
    cluster.held["payments"] = OTHER
    cluster.now += LOOK_AGAIN
    assert await acting.reconcile(A) == LOOK_AGAIN


async def test_a_resource_of_another_release_that_is_gone_is_not_looked_at_again() -> None:
    cluster = Cluster(payments=OTHER)
    cluster.resources.here.remove(A)
    assert await scope(cluster).reconcile(A) is None


async def test_what_another_release_serves_is_forgotten_here_so_it_keeps_nobody_waiting_for_a_turn() -> None:
    cluster = Cluster(payments=OTHER)
    await scope(cluster).reconcile(A)
    assert cluster.passes.forgotten == [A]


async def test_failing_passes_are_told_of_only_where_no_other_release_acts() -> None:
    cluster = Cluster(payments=OTHER)
    acting = scope(cluster)
    for key in (A, B):
        await acting.reconcile(key)
        await acting.tell(key, RuntimeError("no"))
    assert cluster.passes.failing == [B]


async def test_a_claim_that_nobody_can_make_is_told_of_as_a_failing_pass() -> None:
    cluster = Cluster()
    cluster.refusal = Rejected("leases are forbidden")
    acting = scope(cluster)
    with pytest.raises(Rejected):
        await acting.reconcile(A)
    await acting.tell(A, cluster.refusal)
    assert cluster.passes.failing == [A]


@pytest.mark.parametrize("trouble", [ClusterAway("no answer"), Rejected("leases are forbidden")])
async def test_a_claim_that_stood_stands_while_nobody_can_look(trouble: PenstockError) -> None:
    cluster = Cluster(ads=OTHER)
    acting = scope(cluster)
    assert [await acting.reconcile(key) for key in (A, B)] == [7.0, LOOK_AGAIN]
    cluster.refusal = trouble
    cluster.now += LOOK_AGAIN
    assert [await acting.reconcile(key) for key in (A, B)] == [7.0, LOOK_AGAIN]


async def test_at_its_start_a_release_says_who_acts_in_its_place(caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster(payments=OTHER)
    with caplog.at_level(logging.WARNING):
        await scope(cluster, only="payments").claim()
    (record,) = caplog.records
    assert "another release acts in namespace payments" in record.message


async def test_a_start_without_the_api_server_claims_later() -> None:
    cluster = Cluster()
    cluster.refusal = ClusterAway("no answer")
    acting = scope(cluster)
    await acting.claim()
    with pytest.raises(ClusterAway):
        await acting.reconcile(A)
