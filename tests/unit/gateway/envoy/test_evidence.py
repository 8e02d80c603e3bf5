"""What Envoy counted, as evidence."""

import pytest

from penstock_contracts.evidence import RevisionTries, TryReason
from penstock_gateway.envoy.evidence import evidence_of_attempt


def counter(
    *,
    revision: str = "r2",
    role: str = "users",
    attempt: str = "3",
    by: str = "weight",
    code: int = 200,
    flags: str = "-",
) -> str:
    where = f"model.payments/fraud-detector.revision.{revision}.role.{role}.attempt.{attempt}.by.{by}"
    return f"penstock.tries.{where}.code.{code}.flags.{flags}"


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
    assert found == (RevisionTries(revision="r2", reason=TryReason.USERS, tries=4, failures=4, kinds={kind: 4}),)


@pytest.mark.parametrize(("code", "flags"), [(200, "-"), (404, "-"), (422, "-"), (413, "-"), (200, "UT")], ids=str)
def test_an_answer_is_a_try_without_failure_also_a_slow_one_and_one_to_a_callers_mistake(code: int, flags: str) -> None:
    found = evidence_of_attempt({counter(code=code, flags=flags): 4}, 3)
    assert found == (RevisionTries(revision="r2", reason=TryReason.USERS, tries=4, failures=0),)


@pytest.mark.parametrize(
    "nothing",
    [
        pytest.param(counter(code=0), id="the client left, or another try won"),
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
    assert found == (RevisionTries(revision="r2", reason=TryReason.SHADOW, tries=4, failures=4, kinds={"timeout": 4}),)


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
        RevisionTries(revision="r1", reason=TryReason.RESCUE, tries=5, failures=0),
        RevisionTries(revision="r1", reason=TryReason.USERS, tries=90, failures=0),
        RevisionTries(revision="r2", reason=TryReason.SHADOW, tries=7, failures=0),
        RevisionTries(revision="r2", reason=TryReason.USERS, tries=20, failures=5, kinds={"500": 2, "timeout": 3}),
    )


def test_a_counter_of_another_shape_is_not_taken_for_evidence() -> None:
    with pytest.raises(ValueError, match="has not the tags"):
        evidence_of_attempt({"penstock.tries.model.payments/fraud-detector.code.200": 1}, 3)
