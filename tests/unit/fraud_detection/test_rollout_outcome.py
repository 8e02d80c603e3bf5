"""What the pipeline makes of the tags that Penstock writes: by the controller's own words for them."""

from collections.abc import Callable, Mapping

import pytest

from fraud_detection.rollout_outcome import (
    Awaited,
    NoOutcomeError,
    NotPromotedError,
    await_promotion,
    find_serving,
)
from penstock_contracts.api.registry_write import AttemptOutcome
from penstock_contracts.api.status import Completion
from penstock_controller.outcome_tag import outcome_tag
from penstock_controller.ports import ResourceKey

AWAITED = Awaited(model="fraud-detector", version="8", resource="payments/fraud-detector")


def tags(
    completion: str = "Promoted",
    *,
    name: str = "fraud-detector",
    cluster: str = "",
    message: str = "it serves",
    ended: str = "12:00:00",
) -> dict[str, str]:
    """As the controller writes them."""
    outcome = AttemptOutcome(
        attempt=3, completion=completion, reason="Because", message=message, ended_at=f"2026-01-01T{ended}Z"
    )
    tag = outcome_tag(cluster, ResourceKey("payments", name), outcome)
    return {tag.key: tag.value}


def never() -> bool:
    raise AssertionError("there is nothing to wait for")


def reading(*answers: Mapping[str, str]) -> tuple[Callable[[], Mapping[str, str]], Callable[[], bool]]:
    """What reads one answer after the other, and what waits as often as there is another."""
    left = list(answers)
    return lambda: left.pop(0), lambda: bool(left)


def test_a_promotion_is_answered_with_its_record() -> None:
    (outcome,) = await_promotion(AWAITED, tags, never)
    told = "payments/fraud-detector, attempt 3: Promoted (Because) at 2026-01-01T12:00:00Z\n  it serves"
    assert str(outcome) == told


@pytest.mark.parametrize("completion", [each.value for each in Completion if each is not Completion.PROMOTED])
def test_every_other_end_fails_with_its_record(completion: str) -> None:
    with pytest.raises(NotPromotedError) as caught:
        await_promotion(AWAITED, lambda: tags(completion, message="error-rate: failed 14 of 61 tries"), never)
    assert str(caught.value).startswith(
        "fraud-detector version 8 was not promoted:\npayments/fraud-detector, attempt 3"
    )
    assert f"{completion} (Because)" in str(caught.value)
    assert "error-rate: failed 14 of 61 tries" in str(caught.value)


def test_it_is_read_again_until_there_is_an_outcome_of_the_resource() -> None:
    others = tags(name="another") | {"penstock.reason": "DatasetDrift", "penstock.x.y": "[1]", "team": "{}"}
    read, wait = reading({}, others, others | tags())
    assert len(await_promotion(AWAITED, read, wait)) == 1


def test_when_the_time_is_over_it_is_said_where_to_look() -> None:
    read, wait = reading({}, {})
    with pytest.raises(NoOutcomeError, match="kubectl describe mdep fraud-detector -n payments"):
        await_promotion(AWAITED, read, wait)


def test_of_several_clusters_one_that_takes_it_back_is_enough() -> None:
    with pytest.raises(NotPromotedError, match="on west, attempt 3: RolledBack"):
        await_promotion(AWAITED, lambda: tags(cluster="east") | tags("RolledBack", cluster="west"), never)


def test_a_cluster_may_be_chosen() -> None:
    east = Awaited(model="fraud-detector", version="8", resource="payments/fraud-detector", cluster="east")
    both = tags(cluster="east") | tags("RolledBack", cluster="west")
    (outcome,) = await_promotion(east, lambda: both, never)
    assert outcome.cluster == "east"


def test_what_was_promoted_last_serves_whatever_was_tried_since() -> None:
    found = find_serving(
        AWAITED,
        {
            "10": tags(ended="13:00:00"),
            "9": tags(ended="12:00:00"),
            "11": tags("RolledBack", ended="14:00:00"),
            "12": tags(name="another", ended="15:00:00"),
            "13": {},
        },
    )
    assert found == {"10"}


def test_on_each_cluster_another_version_may_serve() -> None:
    versions = {"7": tags(cluster="east"), "8": tags(cluster="west") | tags("RolledBack", cluster="east")}
    assert find_serving(AWAITED, versions) == {"7", "8"}


def test_where_nothing_was_promoted_nothing_serves() -> None:
    assert find_serving(AWAITED, {"7": tags("RolledBack"), "8": {}}) == set()
