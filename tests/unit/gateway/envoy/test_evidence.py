"""What Envoy counted, as evidence."""

import pytest

from penstock_contracts.evidence import MOST_PODS, PodTries, RevisionTries, TryReason
from penstock_gateway.envoy.evidence import evidence_of_attempt


def counter(
    *,
    revision: str = "r2",
    role: str = "users",
    attempt: str = "3",
    by: str = "weight",
    code: int = 200,
    flags: str = "-",
    took: int | str = 80,
) -> str:
    where = f"model.payments/fraud-detector.revision.{revision}.role.{role}.attempt.{attempt}.by.{by}"
    return f"penstock.tries.{where}.code.{code}.flags.{flags}.took.{took}"


def at_pod(
    pod: str = "10.0.0.7:8080",
    *,
    revision: str = "r2",
    role: str = "users",
    attempt: str = "3",
    by: str = "weight",
    code: int = 200,
    flags: str = "-",
) -> str:
    where = f"model.payments/fraud-detector.revision.{revision}.role.{role}.attempt.{attempt}.by.{by}"
    return f"penstock.pods.{where}.code.{code}.flags.{flags}.pod.{pod}"


@pytest.mark.parametrize(
    ("code", "flags", "kind"),
    [
        (500, "-", "500"),
        (503, "-", "503"),
        (599, "-", "599"),
        (408, "-", "408"),
        (429, "-", "429"),
        (500, "UT", "500"),
        (0, "UT", "timeout"),
        (0, "UC", "reset"),
        (0, "UR", "reset"),
        (0, "UF", "unreachable"),
        (0, "UF,URX", "unreachable"),
    ],
)
def test_failures_of_a_server(code: int, flags: str, kind: str) -> None:
    found = evidence_of_attempt({counter(code=code, flags=flags): 4}, 3)
    (tries,) = found
    assert (tries.revision, tries.reason, tries.tries, tries.failures) == ("r2", TryReason.USERS, 4, 4)
    assert tries.kinds == {kind: 4}


@pytest.mark.parametrize(("code", "flags"), [(200, "-"), (404, "-"), (422, "-"), (413, "-"), (200, "UT")], ids=str)
def test_an_answer_is_a_try_without_failure_also_a_slow_one_and_one_to_a_callers_mistake(code: int, flags: str) -> None:
    found = evidence_of_attempt({counter(code=code, flags=flags): 4}, 3)
    assert found == (RevisionTries(revision="r2", reason=TryReason.USERS, tries=4, failures=0, latencies={80: 4}),)


@pytest.mark.parametrize(
    "nothing",
    [
        pytest.param(counter(code=0, flags="UO"), id="more than the gateway lets through"),
        pytest.param(counter(by="match", code=500), id="steered by a header"),
        pytest.param(counter(attempt="4"), id="another attempt"),
        pytest.param(counter(attempt="30"), id="an attempt that begins alike"),
    ],
)
def test_what_is_no_evidence(nothing: str) -> None:
    assert evidence_of_attempt({nothing: 4}, 3) == ()


def test_a_copy_has_no_client_so_its_silence_is_a_timeout() -> None:
    found = evidence_of_attempt({counter(role="shadow", by="", code=0): 4}, 3)
    (tries,) = found
    assert (tries.reason, tries.tries, tries.kinds) == (TryReason.SHADOW, 4, {"timeout": 4})
    assert tries.latencies == {80: 4}


def test_a_try_whose_client_left_or_that_another_overtook_says_only_that_it_was_not_faster() -> None:
    (tries,) = evidence_of_attempt({counter(code=0, took=90): 4}, 3)
    assert (tries.tries, tries.failures, tries.latencies) == (0, 0, {90: 4})


@pytest.mark.parametrize(
    ("code", "flags", "counted"),
    [
        (200, "-", 4),
        (422, "-", 4),
        (200, "UT", 4),
        (0, "UT", 4),
        (500, "-", 0),
        (429, "-", 0),
        (0, "UF", 0),
        (0, "UC", 0),
        (0, "UO", 0),
    ],
)
def test_who_refuses_or_breaks_off_at_once_is_not_fast(code: int, flags: str, counted: int) -> None:
    found = evidence_of_attempt({counter(code=code, flags=flags): 4, counter(took=1): 1}, 3)
    assert found[0].latencies.get(80, 0) == counted


def test_latencies_add_up_by_bucket() -> None:
    counters = {counter(took=3): 10, counter(took=3, code=201): 5, counter(took=4): 2, counter(took=9, attempt="4"): 1}
    (tries,) = evidence_of_attempt(counters, 3)
    assert tries.latencies == {3: 15, 4: 2}


def test_counters_add_up_by_revision_and_arm() -> None:
    counters = {
        counter(): 10,
        counter(code=201): 5,
        counter(code=500): 2,
        counter(code=0, flags="UT"): 3,
        counter(revision="r1"): 90,
        counter(revision="r1", role="rescue"): 5,
        counter(role="shadow", by="", code=404): 7,
    }
    assert evidence_of_attempt(counters, 3) == (
        RevisionTries(revision="r1", reason=TryReason.RESCUE, tries=5, failures=0, latencies={80: 5}),
        RevisionTries(revision="r1", reason=TryReason.USERS, tries=90, failures=0, latencies={80: 90}),
        RevisionTries(revision="r2", reason=TryReason.SHADOW, tries=7, failures=0, latencies={80: 7}),
        RevisionTries(
            revision="r2",
            reason=TryReason.USERS,
            tries=20,
            failures=5,
            kinds={"500": 2, "timeout": 3},
            latencies={80: 18},
        ),
    )


def test_a_counter_of_another_shape_is_not_taken_for_evidence() -> None:
    with pytest.raises(ValueError, match="has not the tags"):
        evidence_of_attempt({"penstock.tries.model.payments/fraud-detector.code.200": 1}, 3)


def test_without_a_bucket_a_try_is_counted_and_its_time_is_not() -> None:
    (tries,) = evidence_of_attempt({counter(took=""): 4}, 3)
    assert (tries.tries, tries.latencies) == (4, {})
    assert evidence_of_attempt({counter(took="", code=0): 4}, 3) == ()


def test_tries_are_told_apart_by_pod_beside_the_counts_of_all() -> None:
    counters = {
        counter(): 5,
        counter(code=500): 2,
        counter(code=0, flags="UF"): 1,
        at_pod("10.0.0.7:8080"): 4,
        at_pod("10.0.0.8:8080"): 1,
        at_pod("10.0.0.8:8080", code=500): 2,
        at_pod("10.0.0.8:8080", code=0, flags="UF"): 1,
    }
    (tries,) = evidence_of_attempt(counters, 3)
    assert (tries.tries, tries.failures) == (8, 3)
    assert tries.pods == (
        PodTries(address="10.0.0.7", tries=4, failures=0),
        PodTries(address="10.0.0.8", tries=4, failures=3, kinds={"500": 2, "unreachable": 1}),
    )


def test_a_pod_has_its_address_of_either_family() -> None:
    (tries,) = evidence_of_attempt({counter(): 1, at_pod("[fd00::1:2]:8080"): 1}, 3)
    assert [pod.address for pod in tries.pods] == ["fd00::1:2"]


@pytest.mark.parametrize(
    "nothing",
    [
        pytest.param(at_pod(""), id="nobody asked for it"),
        pytest.param(at_pod(by="match"), id="steered by a header"),
        pytest.param(at_pod(attempt="4"), id="another attempt"),
        pytest.param(at_pod(code=0), id="a try whose client left"),
        pytest.param(at_pod(role="rescue"), id="a later try"),
    ],
)
def test_what_counts_for_no_pod(nothing: str) -> None:
    assert not any(one.pods for one in evidence_of_attempt({nothing: 4, counter(): 1, counter(role="rescue"): 1}, 3))


def test_of_many_pods_a_bounded_number_is_told_and_all_are_counted() -> None:
    many = {at_pod(f"10.0.{number // 250}.{number % 250}:8080"): 1 for number in range(MOST_PODS + 50)}
    (tries,) = evidence_of_attempt({counter(): len(many), **many}, 3)
    assert len(tries.pods) == MOST_PODS
    assert tries.tries == MOST_PODS + 50
