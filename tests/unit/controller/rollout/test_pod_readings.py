"""Tries by pod: from the counters of all gateway pods to what each pod did in an interval."""

from collections.abc import Mapping

import pytest

from penstock_contracts.api.status import EvidenceStatus
from penstock_contracts.evidence import MOST_PODS, TryReason
from penstock_controller.analysis.counts import CountedTries
from penstock_controller.analysis.sick_pod import PodEvidence
from penstock_controller.gates.evidence import TryCount
from penstock_controller.rollout.observation import ArmTries, Reading, RevisionPod, Workload
from penstock_controller.rollout.pod_readings import (
    CountedPod,
    PodInterval,
    evidence_after,
    first_texts,
    interval_of,
    sources_of,
    texts,
)

HERE, THERE = "10.0.0.1", "10.0.0.2"


def reading(source: str, pods: Mapping[str, tuple[int, int]], arm: TryReason = TryReason.USERS) -> Reading:
    """What a gateway pod says of tries and failures at addresses."""
    counts = {
        address: TryCount(tries=tries, failures=failures, kinds={"500": failures} if failures else {})
        for address, (tries, failures) in pods.items()
    }
    total = sum(tries for tries, _ in pods.values()), sum(failures for _, failures in pods.values())
    arms = ArmTries(revision="rev1", arm=arm, tries=total[0], failures=total[1], pods=counts)
    return Reading(source=source, tries=(arms,))


def workload(*pods: RevisionPod) -> tuple[Workload, ...]:
    return (Workload(revision="rev1", version="1", digest="d", replicas=2, ready=2, pods=pods),)


def pod(name: str, *addresses: str, leaving: bool = False) -> RevisionPod:
    return RevisionPod(name=name, uid=f"uid-{name}", addresses=addresses, leaving=leaving)


TWO = workload(pod("a", HERE), pod("b", THERE))


def status(readings: tuple[Reading, ...], known: Mapping[str, str] | None = None) -> EvidenceStatus:
    """As it stands after these readings."""
    return EvidenceStatus(
        attempt=1,
        taken_at="2026-01-01T00:00:00.000Z",
        readings={one.source: "" for one in readings},
        pods=dict(known) if known is not None else first_texts(readings, TWO),
        pod_sources=sources_of(readings),
    )


def tried(interval: PodInterval) -> dict[str, tuple[int, int]]:
    return {name: (found.tries, found.failures) for name, found in interval.tried("rev1").items()}


def test_what_is_written_is_read_back() -> None:
    counters = {
        ("rev1", "users"): TryCount(tries=300, failures=2, kinds={"503": 2}),
        ("rev1", "shadow"): TryCount(tries=7),
    }
    known = CountedPod(address="fd00::1:7", counters=counters, evidence=PodEvidence(1.25))
    text = known.text()
    assert text == "fd00::1:7 1.25000; rev1 users 300 2 503=2; rev1 shadow 7 0"
    assert CountedPod.from_text(text) == known
    untried = CountedPod(address=HERE)
    assert CountedPod.from_text(untried.text()) == untried


@pytest.mark.parametrize("text", ["", "nonsense", "10.0.0.1 much; ", "10.0.0.1 1.0; rev1 users"])
def test_text_that_a_person_edited_is_none(text: str) -> None:
    assert CountedPod.from_text(text) is None


def test_an_interval_is_the_difference_of_sums_over_all_gateway_pods() -> None:
    first = (reading("g0/1", {HERE: (10, 1), THERE: (20, 0)}), reading("g1/1", {HERE: (5, 0)}))
    later = (reading("g0/1", {HERE: (13, 2), THERE: (20, 0)}), reading("g1/1", {HERE: (6, 1), THERE: (4, 0)}))
    found = interval_of(status(first), later, TWO)
    assert found.told
    assert tried(found) == {"a": (4, 2), "b": (4, 0)}
    assert found.at({"a"}, "rev1", (TryReason.USERS,)) == TryCount(tries=4, failures=2, kinds={"500": 2})
    assert found.at({"a"}, "rev1", (TryReason.SHADOW,)) == TryCount()


def test_a_gateway_pod_that_comes_begins_at_0() -> None:
    first = (reading("g0/1", {HERE: (10, 0)}),)
    found = interval_of(status(first), (*first, reading("g1/1", {HERE: (3, 1)})), TWO)
    assert found.told
    assert tried(found) == {"a": (3, 1)}


@pytest.mark.parametrize(
    "later",
    [
        pytest.param((reading("g0/1", {HERE: (20, 0)}),), id="one is silent"),
        pytest.param((reading("g0/1", {HERE: (20, 0)}), reading("g1/2", {HERE: (1, 0)})), id="one restarted"),
    ],
)
def test_after_a_gateway_pod_fell_silent_or_restarted_one_interval_cannot_be_told(later: tuple[Reading, ...]) -> None:
    first = (reading("g0/1", {HERE: (10, 0)}), reading("g1/1", {HERE: (10, 0)}))
    found = interval_of(status(first), later, TWO)
    assert (found.told, tried(found)) == (False, {})
    again = status(later, texts(found.now))
    after = interval_of(again, later, TWO)
    assert after.told


def test_without_any_answer_everything_stays_as_it_is_known() -> None:
    first = (reading("g0/1", {HERE: (10, 3)}),)
    found = interval_of(status(first), (), TWO)
    assert not found.told
    assert texts(found.now) == first_texts(first, TWO)


def test_a_pod_is_called_by_its_name_after_it_left_and_by_its_address_if_nobody_knows_it() -> None:
    first = (reading("g0/1", {HERE: (10, 0), "10.9.9.9": (1, 0)}),)
    later = (reading("g0/1", {HERE: (12, 2), "10.9.9.9": (2, 0)}),)
    found = interval_of(status(first), later, workload(pod("b", THERE)))
    assert tried(found) == {"a": (2, 2), "10.9.9.9": (1, 0)}


def test_a_new_pod_at_an_ending_ones_address_begins_there_and_that_interval_is_unclear() -> None:
    first = (reading("g0/1", {HERE: (10, 5), THERE: (10, 0)}),)
    known = texts(
        {
            "a": CountedPod(
                address=HERE, counters={("rev1", "users"): TryCount(tries=10, failures=5)}, evidence=PodEvidence(9)
            )
        }
    )
    later = (reading("g0/1", {HERE: (14, 6), THERE: (10, 0)}),)
    pods = workload(pod("a", HERE, leaving=True), pod("c", HERE), pod("b", THERE))
    found = interval_of(status(first, known), later, pods)
    assert found.unclear == {"c"}
    assert tried(found)["c"] == (4, 1)
    assert found.now["c"].evidence == PodEvidence()


def test_copies_and_users_requests_are_one_revisions_tries() -> None:
    first = (reading("g0/1", {HERE: (10, 0)}),)
    copies = reading("g0/1", {HERE: (4, 1)}, TryReason.SHADOW)
    found = interval_of(status(first), (Reading(source="g0/1", tries=(*first[0].tries, *copies.tries)),), TWO)
    assert tried(found) == {"a": (4, 1)}


def test_of_a_list_that_is_full_one_that_is_new_in_it_may_be_old_and_begins_at_nothing() -> None:
    many = {f"10.1.{number // 200}.{number % 200}": (5, 0) for number in range(MOST_PODS)}
    first = (reading("g0/1", many),)
    found = interval_of(status(first), (reading("g0/1", {**many, HERE: (900, 0)}),), TWO)
    assert "a" not in tried(found)
    again = status(first, texts(found.now))
    assert tried(interval_of(again, (reading("g0/1", {**many, HERE: (907, 0)}),), TWO)) == {"a": (7, 0)}


def test_each_pod_is_compared_with_its_siblings_and_a_sick_one_is_nobodys_sibling() -> None:
    first = (reading("g0/1", {HERE: (0, 0), THERE: (0, 0), "10.0.0.3": (0, 0)}),)
    later = (reading("g0/1", {HERE: (12, 6), THERE: (12, 0), "10.0.0.3": (12, 12)}),)
    pods = workload(pod("a", HERE), pod("b", THERE), pod("c", "10.0.0.3"))
    found = interval_of(status(first, {}), later, pods)
    compared = evidence_after(found, "rev1", found.tried("rev1"), {"a", "b"})
    assert compared.keys() == {"a", "b"}
    alone = PodEvidence().after(CountedTries(12, 6), CountedTries(12, 0), CountedTries())
    assert compared["a"] == alone
    assert not compared["b"].is_suspected


def test_the_size_in_status_does_not_depend_on_the_number_of_gateway_pods() -> None:
    pods = {f"10.1.0.{number}": (10_000_000, 1000) for number in range(20)}
    sizes = [len(str(first_texts(tuple(reading(f"g{n}/1", pods) for n in range(many)), TWO))) for many in (1, 100)]
    assert sizes[1] - sizes[0] <= 20 * 12
    assert sizes[1] <= 20 * 100


def test_status_has_a_bounded_number_of_pods() -> None:
    pods = {f"10.1.{number // 200}.{number % 200}": (1, 0) for number in range(1000)}
    assert len(first_texts((reading("g0/1", pods),), ())) == 256


def test_a_pod_serves_though_no_request_came_to_it_in_the_interval_until_it_leaves() -> None:
    before = status((reading("gw/0", {HERE: (10, 0), THERE: (10, 0)}),))
    later = (reading("gw/0", {HERE: (12, 0), THERE: (10, 0)}),)
    assert interval_of(before, later, TWO).serving("rev1") == {"a", "b"}
    assert interval_of(before, later, workload(pod("a", HERE))).serving("rev1") == {"a"}
    both_left = interval_of(before, later, workload(pod("c", "10.0.0.3")))
    assert both_left.serving("rev1") == {"a"}, "it answered before it left; the new one has answered nobody"
