"""What is told of live data, as values: conditions, status.drift, Events; and that a rollout does not depend on it."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from penstock_contracts.api.status import Condition, EvidenceStatus, ModelDeploymentStatus
from penstock_contracts.base import evolve
from penstock_contracts.drift import ColumnDrift, DriftReason, DriftReport, DriftVerdict, ServedVersion, VersionTries
from penstock_controller.rollout.live_data import monitoring
from penstock_controller.rollout.monitor_answer import DriftFinding, Monitoring, finding_in
from penstock_testing.rollout_scenes import canary, is_baking, until
from penstock_testing.rollout_world import RolloutWorld, spec
from penstock_testing.strategies import weight

RECORDED: dict[str, Any] = {"predictor": {"logger": {"mode": "all"}}}
WATCHED: dict[str, Any] = {**RECORDED, "drift": {}}
SINCE = "2025-12-31T06:00:00Z"
SILENT = Monitoring(installed=True)
AWAY = Monitoring(installed=True, away="the drift monitor does not answer within 5 s")
VERDICTS = {
    DriftReason.DATASET_DRIFT: DriftVerdict.DRIFT,
    DriftReason.DATA_QUALITY: DriftVerdict.DRIFT,
    DriftReason.COLUMN_DRIFT: DriftVerdict.NO_DRIFT,
    DriftReason.NO_DRIFT: DriftVerdict.NO_DRIFT,
    DriftReason.INSUFFICIENT_DATA: DriftVerdict.INCONCLUSIVE,
    DriftReason.NO_REFERENCE: DriftVerdict.ERROR,
    DriftReason.BAD_REFERENCE: DriftVerdict.ERROR,
}
CONDITION = {
    DriftReason.DATASET_DRIFT: "True",
    DriftReason.DATA_QUALITY: "True",
    DriftReason.COLUMN_DRIFT: "False",
    DriftReason.NO_DRIFT: "False",
    DriftReason.INSUFFICIENT_DATA: "Unknown",
    DriftReason.NO_REFERENCE: "Unknown",
    DriftReason.BAD_REFERENCE: "Unknown",
}


def said(reason: DriftReason, *columns: str, message: str = "", since: str = SINCE) -> Monitoring:
    finding = DriftFinding(
        verdict=VERDICTS[reason], reason=reason, columns=columns, since=since if columns else "", message=message
    )
    return Monitoring(installed=True, finding=finding, report_url="http://monitor/v1/reports/ns/m")


def serving(**fields: Any) -> RolloutWorld:
    return RolloutWorld(spec=spec(**fields)).want("1").settle(0.2)


def watched(now: Monitoring) -> RolloutWorld:
    world = serving(**WATCHED)
    world.monitoring = now
    world.run_pass()
    return world


def condition(world: RolloutWorld, kind: str) -> Condition:
    return next(item for item in world.status.conditions if item.type == kind)


def events(world: RolloutWorld) -> list[tuple[str, str]]:
    return [(told.type, told.reason) for told in world.announcements if told.reason in set(DriftReason)]


def restarted(world: RolloutWorld) -> RolloutWorld:
    """The status as the API server kept it, and a controller that has asked nothing."""
    kept = json.loads(json.dumps(world.status.model_dump(mode="json", exclude_none=True)))
    world.status = ModelDeploymentStatus.model_validate(kept)
    world.monitoring, world.resumed = SILENT, True
    return world


# --- what a report finds


def column(name: str, **fields: Any) -> ColumnDrift:
    default = {"test": "shape", "verdict": "Drift", "score": 20.0, "threshold": 13.6, "rows": 900, "since": SINCE}
    return ColumnDrift.model_validate({"name": name, **default, **fields})


def report(reason: DriftReason, *columns: ColumnDrift, message: str = "", dataset: bool | None = None) -> DriftReport:
    return DriftReport(
        namespace="ns",
        name="m",
        dataset_drift=dataset,
        verdict=DriftVerdict.DRIFT if columns else VERDICTS[reason],
        reason=reason,
        message=message,
        columns=columns,
    )


def test_rows_scores_and_the_order_of_columns_are_no_part_of_a_finding() -> None:
    early = column("age", since="2025-12-30T23:00:00+00:00")
    one = report(DriftReason.DATASET_DRIFT, column("amount"), early)
    more = column("amount", score=33.0, rows=5000)
    later = report(DriftReason.DATASET_DRIFT, early, more)
    assert finding_in(one) == finding_in(later)
    assert finding_in(one).columns == ("age", "amount"), "who began first comes first"
    assert finding_in(one).since == "2025-12-30T23:00:00Z"


def test_columns_that_are_no_drift_are_not_named() -> None:
    still = column("age", verdict="NoDrift", since=None)
    assert finding_in(report(DriftReason.COLUMN_DRIFT, still, column("amount"))).columns == ("amount",)


def test_data_quality_names_the_broken_columns() -> None:
    broken = column("country", test="unseen")
    assert finding_in(report(DriftReason.DATA_QUALITY, column("amount"), broken)).columns == ("country",)


def test_no_drift_names_no_column() -> None:
    assert finding_in(report(DriftReason.NO_DRIFT, column("amount"))).columns == ()


def test_of_many_columns_twenty_are_named() -> None:
    found = finding_in(report(DriftReason.DATASET_DRIFT, *(column(f"c{number:02}") for number in range(23))))
    assert found.columns == tuple(f"c{number:02}" for number in range(20))


def test_a_time_that_cannot_be_read_is_none() -> None:
    assert finding_in(report(DriftReason.COLUMN_DRIFT, column("amount", since="yesterday"))).since == ""


def test_a_name_cannot_steer_a_terminal_and_has_an_end() -> None:
    (name,) = finding_in(report(DriftReason.COLUMN_DRIFT, column("a\x1b[2Jb" + "x" * 999))).columns
    assert "\x1b" not in name
    assert len(name) == 256


@pytest.mark.parametrize("reason", DriftReason)
def test_the_verdict_is_the_data_sets(reason: DriftReason) -> None:
    known = report(reason, column("amount"), dataset=reason is DriftReason.DATASET_DRIFT)
    assert finding_in(known).verdict is VERDICTS[reason]


def test_a_column_that_drifts_while_others_are_not_judged_yet_leaves_the_data_set_unknown() -> None:
    assert finding_in(report(DriftReason.COLUMN_DRIFT, column("amount"))).verdict is DriftVerdict.INCONCLUSIVE


def test_words_of_the_monitor_are_cleaned_and_have_an_end() -> None:
    message = finding_in(report(DriftReason.BAD_REFERENCE, message="column \x1b]0;x is text" + "." * 9999)).message
    assert message.isprintable()
    assert len(message) == 2048


# --- whom the monitor is to watch


def test_who_does_not_ask_for_drift_is_not_watched() -> None:
    world = serving(**RECORDED)
    assert monitoring.wish(world.spec, world.status) is None


def test_before_a_version_serves_nobody_is_asked() -> None:
    assert monitoring.wish(spec(**WATCHED), ModelDeploymentStatus()) is None


def test_the_wish_has_the_versions_that_the_status_names_and_what_the_spec_says() -> None:
    drift = {"period": "2h", "margin": 0.1, "keyColumns": ["amount"], "share": 0.25}
    world = RolloutWorld(spec=canary(weight(50), bake="10m", **RECORDED, drift=drift)).want("1").settle(0.2)
    wish = monitoring.wish(world.spec, world.status)
    assert wish
    assert (wish.period_seconds, wish.margin, wish.key_columns, wish.share) == (7200.0, 0.1, ("amount",), 0.25)
    assert wish.others == ()
    assert wish.rollout.weights == {"1": 100}
    assert wish.rollout.phase == "Healthy"
    assert wish.rollout.decision.startswith("version 1 ")
    until(world.want("2"), is_baking)
    wish = monitoring.wish(world.spec, world.status)
    stable, previous = world.status.stable, world.status.previous
    assert wish
    assert stable
    assert previous
    assert wish.stable == ServedVersion(version="2", digest=stable.digest, revision="rev2")
    assert wish.others == (ServedVersion(version="1", digest=previous.digest, revision="rev1"),)


def test_the_wish_tells_users_tries_of_each_version_over_all_gateway_pods() -> None:
    world = RolloutWorld(spec=canary(weight(50), bake="10m", **WATCHED)).want("1").settle(0.2)
    until(world.want("2"), is_baking)

    readings = {
        "a/1": "rev2 users 50 1; rev1 shadow 7 1; rev1 users 20 1",
        "b/1": "rev2 users 5 1 503=1; older users 9 1",
    }
    evidence = EvidenceStatus(attempt=2, taken_at=SINCE, readings=readings)
    wish = monitoring.wish(world.spec, evolve(world.status, evidence=evidence))
    assert wish
    assert wish.rollout.attempt == 2
    assert wish.rollout.tries == {
        "2": VersionTries(tries=55, failures=2),
        "1": VersionTries(tries=20, failures=1),
    }


# --- conditions


@pytest.mark.parametrize("reason", DriftReason)
def test_the_condition_says_what_the_monitor_found(reason: DriftReason) -> None:
    world = watched(said(reason, *(("amount",) if reason.value.endswith(("Drift", "Quality")) else ())))
    found = condition(world, monitoring.DETECTED)
    assert (found.status, found.reason) == (CONDITION[reason], reason.value)
    assert found.message
    assert condition(world, monitoring.REACHABLE).status == "True"


@pytest.mark.parametrize("reason", [DriftReason.DATASET_DRIFT, DriftReason.DATA_QUALITY, DriftReason.COLUMN_DRIFT])
def test_columns_and_since_when_are_told(reason: DriftReason) -> None:
    world = watched(said(reason, "amount", "age"))
    message = condition(world, monitoring.DETECTED).message
    assert "amount, age" in message
    assert SINCE in message
    assert world.status.drift
    assert (world.status.drift.columns, world.status.drift.since) == (("amount", "age"), SINCE)
    assert world.status.drift.report_url == "http://monitor/v1/reports/ns/m"


def test_why_is_told_in_the_monitors_words() -> None:
    world = watched(said(DriftReason.BAD_REFERENCE, message="reference.csv of version 1 has no rows"))
    assert condition(world, monitoring.DETECTED).message == "reference.csv of version 1 has no rows"


def test_column_drift_of_a_data_set_that_is_not_judged_whole_is_not_known_to_be_none() -> None:
    finding = DriftFinding(verdict=DriftVerdict.INCONCLUSIVE, reason=DriftReason.COLUMN_DRIFT, columns=("amount",))
    found = condition(watched(Monitoring(installed=True, finding=finding)), monitoring.DETECTED)
    assert (found.status, found.reason) == ("Unknown", "ColumnDrift")


def test_nobody_asked_yet_is_not_known() -> None:
    world = watched(SILENT)
    for kind in (monitoring.DETECTED, monitoring.REACHABLE):
        assert (condition(world, kind).status, condition(world, kind).reason) == ("Unknown", "NotAsked")
    assert world.status.drift is None


def test_a_monitor_that_is_away_leaves_the_verdict_unknown_and_what_was_known_in_status() -> None:
    known = said(DriftReason.DATASET_DRIFT, "amount")
    world = watched(known)
    before = world.status.drift
    world.monitoring = replace(known, away=AWAY.away)
    world.run_pass()
    detected, reachable = (condition(world, kind) for kind in (monitoring.DETECTED, monitoring.REACHABLE))
    assert (detected.status, detected.reason) == ("Unknown", "MonitorAway")
    assert "DatasetDrift" in detected.message
    assert (reachable.status, reachable.reason) == ("False", "MonitorAway")
    assert world.status.drift == before
    assert events(world) == [("Warning", "DatasetDrift")], "an outage is no verdict"


def test_without_a_monitor_both_conditions_say_so() -> None:
    world = watched(Monitoring())
    detected, reachable = (condition(world, kind) for kind in (monitoring.DETECTED, monitoring.REACHABLE))
    assert (detected.status, detected.reason) == ("Unknown", "NotAsked")
    assert (reachable.status, reachable.reason) == ("False", "NoMonitor")


def test_a_logger_without_a_monitor_is_told_and_serves_on() -> None:
    world = serving(**RECORDED)
    assert condition(world, monitoring.REACHABLE).reason == "NoMonitor"
    assert condition(world, "Ready").status == "True"
    assert monitoring.DETECTED not in {item.type for item in world.status.conditions}


def test_a_logger_with_a_monitor_and_no_drift_has_nothing_to_tell() -> None:
    world = serving(**RECORDED)
    world.monitoring = SILENT
    world.run_pass()
    assert not {monitoring.DETECTED, monitoring.REACHABLE} & {item.type for item in world.status.conditions}


def test_a_monitor_that_is_installed_later_is_asked_first() -> None:
    world = watched(Monitoring())
    world.monitoring = SILENT
    world.run_pass()
    assert condition(world, monitoring.REACHABLE).reason == "NotAsked"


@pytest.mark.parametrize("fields", [{}, {"predictor": {"logger": {"mode": "none"}}}, {"predictor": {"logger": {}}}])
def test_who_asks_for_nothing_has_the_status_that_it_always_had(fields: dict[str, Any]) -> None:
    world = serving(**fields)
    content = world.status.model_dump(mode="json", exclude_none=True)
    assert "drift" not in content
    kinds = {item["type"] for item in content["conditions"]}
    assert kinds == {"Ready", "Reconciling", "Stalled", "RegistryReachable", "ChildrenApplied"}


# --- at rest, at a restart, at a change


@pytest.mark.parametrize("now", [SILENT, AWAY, Monitoring(), said(DriftReason.DATASET_DRIFT, "amount")])
def test_nothing_is_written_while_nothing_changes(now: Monitoring) -> None:
    world = watched(now)
    writes = world.writes
    for _ in range(5):
        world.tick(3600)
    assert world.writes == writes


@pytest.mark.parametrize("now", [AWAY, said(DriftReason.DATASET_DRIFT, "amount"), said(DriftReason.NO_DRIFT)])
def test_a_controller_that_has_just_started_keeps_what_status_said(now: Monitoring) -> None:
    world = restarted(watched(now))
    before, writes, told = world.status, world.writes, list(world.announcements)
    world.run_pass()
    assert world.status.drift == before.drift
    assert world.status.conditions == before.conditions
    assert world.writes == writes
    world.monitoring = now
    world.run_pass()
    assert world.writes == writes, "the same answer is no news"
    assert world.announcements == told


def test_each_change_of_the_reason_is_told_once_with_the_same_word() -> None:
    world = watched(said(DriftReason.INSUFFICIENT_DATA))
    for now in (
        said(DriftReason.NO_DRIFT),
        said(DriftReason.DATASET_DRIFT, "amount"),
        said(DriftReason.DATASET_DRIFT, "age", "amount"),
        said(DriftReason.NO_DRIFT),
    ):
        world.monitoring = now
        world.now += timedelta(hours=1)
        world.run_pass()
        world.run_pass()
        assert world.status.drift
        assert world.status.drift.reason == condition(world, monitoring.DETECTED).reason
    assert events(world) == [
        ("Normal", "InsufficientData"),
        ("Normal", "NoDrift"),
        ("Warning", "DatasetDrift"),
        ("Normal", "NoDrift"),
    ]
    messages = [told.message for told in world.announcements if told.reason == "NoDrift"]
    assert len(set(messages)) == 2, "the second would be taken for the first, and not told"


def test_a_pass_that_is_repeated_says_the_same_words() -> None:
    world = watched(said(DriftReason.DATASET_DRIFT, "amount"))
    world.monitoring = said(DriftReason.NO_DRIFT)
    lost = world.run_pass(overtaken=True).announcements
    world.now += timedelta(seconds=5)
    assert world.run_pass().announcements == lost != ()


def test_since_when_stays_while_the_reason_does() -> None:
    world = watched(said(DriftReason.DATASET_DRIFT, "amount"))
    world.monitoring = said(DriftReason.DATASET_DRIFT, "age", since="2026-01-01T09:00:00Z")
    world.run_pass()
    assert world.status.drift
    assert (world.status.drift.columns, world.status.drift.since) == (("age",), SINCE)


def test_where_drift_is_not_asked_for_any_more_nothing_of_it_stays() -> None:
    world = watched(said(DriftReason.DATASET_DRIFT, "amount"))
    world.monitoring = SILENT
    world.edit(spec()).run_pass()
    assert world.status.drift is None
    assert not {monitoring.DETECTED, monitoring.REACHABLE} & {item.type for item in world.status.conditions}


# --- skew between serving and training


def compared(*, skewed: bool, message: str) -> Monitoring:
    now = said(DriftReason.NO_DRIFT)
    assert now.finding
    return replace(now, finding=replace(now.finding, skewed=skewed, skew=message))


def test_skew_is_told_once_somebody_has_compared_features() -> None:
    world = watched(said(DriftReason.NO_DRIFT))
    assert monitoring.SKEW not in {item.type for item in world.status.conditions}
    world.monitoring = compared(skewed=True, message="minutes in 50.0%")
    world.run_pass()
    told = condition(world, monitoring.SKEW)
    assert (told.status, told.reason, told.message) == ("True", "FeaturesDiffer", "minutes in 50.0%")
    world.monitoring = compared(skewed=False, message="they agree")
    world.run_pass()
    assert (condition(world, monitoring.SKEW).status, condition(world, monitoring.SKEW).reason) == (
        "False",
        "FeaturesAgree",
    )


def test_a_controller_that_has_just_started_keeps_what_was_found() -> None:
    world = watched(compared(skewed=True, message="minutes in 50.0%"))
    found = condition(world, monitoring.SKEW)
    world.monitoring = SILENT
    world.run_pass()
    assert condition(world, monitoring.SKEW) == found


# --- a rollout does not depend on it


@pytest.mark.parametrize("now", [AWAY, Monitoring(), *(said(reason, "amount") for reason in DriftReason)])
def test_a_rollout_goes_as_it_goes_without(now: Monitoring) -> None:
    without = RolloutWorld(spec=canary(weight(50), bake="1m", predictor={})).want("1").settle(0.2)
    world = RolloutWorld(spec=canary(weight(50), bake="1m", **WATCHED), monitoring=now).want("1").settle(0.2)
    for each in (without, world):
        each.want("2")
    for _ in range(120):
        for each in (without, world):
            each.tick(1.0)
        assert _rollout(world.status) == _rollout(without.status)
    assert world.status.stable
    assert world.status.stable.version == "2"
    assert world.lost == 0


def _rollout(status: ModelDeploymentStatus) -> dict[str, Any]:
    content = status.model_dump(mode="json", exclude={"drift"})
    ours = {monitoring.DETECTED, monitoring.REACHABLE}
    return content | {"conditions": [item for item in content["conditions"] if item["type"] not in ours]}
