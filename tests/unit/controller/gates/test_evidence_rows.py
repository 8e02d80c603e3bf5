"""What may be wrong with evidence, one scenario in each row, each through a whole attempt: to its verdict and its end.

An attempt promotes where a gate cannot say (`onInconclusive: Promote`): the rule that forgives most.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, count, repeat
from typing import Any

import pytest

from penstock_contracts.api.status import AttemptStage, GateStatus, Phase
from penstock_contracts.divergence import DIFFERENCE_BINS
from penstock_contracts.evidence import TryReason
from penstock_contracts.verdict import Verdict
from penstock_controller.adapters.check_answer import check_answer
from penstock_controller.adapters.prometheus_answer import prometheus_answer
from penstock_controller.gates.evidence import ComparedCards, MissingEvidence, PairedOutputs
from penstock_controller.gates.looks import LookAnswer, OutsideLook, OutsideLooks, Unanswered
from penstock_testing.rollout_scenes import canary, has, last, on_trial, pause, stable, until
from penstock_testing.rollout_world import ABLE_TO_DO_ALL, RolloutWorld
from penstock_testing.strategies import mirror, weight

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = BEGAN.timestamp() + 60
PASS, FAIL, INCONCLUSIVE, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR
LOGIN = b"<!doctype html><title>Sign in</title>"
SLO = {"name": "query", "query": "x", "thresholdRange": {"min": 0.1, "max": 0.5}}
CHECK = {"name": "webhook", "service": "load-test"}
ERRORS = {"name": "error-rate", "minSamples": 50}
SLOW = {"name": "latency-p90", "minSamples": 50}
SAME = {"name": "prediction-divergence"}
EVEN = tuple(range(90, 110))
"""Buckets of latency that a version's tries take in turn."""
NO_PAIRS = PairedOutputs(since="2026-01-01T00:00:00Z", differences=(0,) * DIFFERENCE_BINS)
Disturb = Callable[[RolloutWorld], None]


def said(kind: str, result: Any, **more: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode()


def vector(*values: str, at: float = NOW, **more: Any) -> bytes:
    return said(
        "vector", [{"metric": {"n": str(number)}, "value": [at, value]} for number, value in enumerate(values)], **more
    )


def told(error: str) -> bytes:
    return json.dumps({"status": "error", "errorType": "bad_data", "error": error}).encode()


def answers(name: str, *found: LookAnswer) -> Callable[[], tuple[object, ...]]:
    """Each look has the next answer; the last one stays."""
    times, following = count(), chain(found, repeat(found[-1]))

    def measured() -> tuple[object, ...]:
        look = OutsideLook(asked_at=f"2026-01-01T00:00:00.{next(times):04}Z", answer=next(following))
        return (OutsideLooks(looks={name: look}),)

    return measured


def promql(content: bytes, status: int = 200) -> LookAnswer:
    return prometheus_answer(status, content, began_at=BEGAN)


def prometheus(*found: LookAnswer) -> Disturb:
    def disturb(world: RolloutWorld) -> None:
        world.measured = answers("query", *found)

    return disturb


def service(content: bytes, status: int = 200) -> Disturb:
    def disturb(world: RolloutWorld) -> None:
        world.measured = answers("webhook", check_answer(status, content))

    return disturb


def monitor(counted: PairedOutputs) -> Disturb:
    """It has counted nothing at the first look."""

    def disturb(world: RolloutWorld) -> None:
        found: Iterator[PairedOutputs] = chain((NO_PAIRS,), repeat(counted))
        world.measured = lambda: (next(found),)

    return disturb


def sets(**fields: Any) -> Disturb:
    def disturb(world: RolloutWorld) -> None:
        for name, value in fields.items():
            setattr(world, name, value)

    return disturb


def lacks(kind: type, verdict: Verdict, message: str) -> Disturb:
    return sets(not_measured={kind: MissingEvidence(verdict=verdict, reason="Away", message=message)})


def counters_begin_anew(world: RolloutWorld) -> None:
    for counters in world.counters.values():
        counters.restart()


def counters_fall(world: RolloutWorld) -> None:
    """Without saying that they begin anew."""
    for counters in world.counters.values():
        counters.tries.clear()
        counters.failures.clear()


def failures_of_an_older_attempt(world: RolloutWorld) -> None:
    for counters in world.counters.values():
        counters.tries[1, "rev2", TryReason.USERS] = counters.failures[1, "rev2", TryReason.USERS] = 10_000


def gateway_pods(number: int) -> Disturb:
    def disturb(world: RolloutWorld) -> None:
        split = world.gateways["gw-0"]
        world.requests = world.requests * len(world.gateways) // number
        world.gateways = {f"gw-{each}": world.gateways.get(f"gw-{each}", split) for each in range(number)}

    return disturb


def clock(jump: timedelta, *, requests: int) -> Disturb:
    def disturb(world: RolloutWorld) -> None:
        world.requests = requests
        world.now += jump
        world.skew += jump
        world.resumed = True

    return disturb


def for_a_while(before: Disturb, after: Disturb, seconds: int = 30) -> Disturb:
    """Disturb, let time pass, and undo it."""

    def disturb(world: RolloutWorld) -> None:
        before(world)
        for _ in range(seconds):
            world.tick()
            assert stable(world) == "1", "nothing is promoted while it lasts"
        after(world)

    return disturb


AWAY = Unanswered(why="source 'default': it cannot be reached")
GOOD, BAD = promql(vector("0.2")), promql(vector("0.7"))
NO_SERIES = promql(vector())


@dataclass(frozen=True, kw_only=True)
class EvidenceRow:
    """What is wrong, and what comes of it. `verdict`: after some intervals; None: where the attempt is over by then."""

    scenario: str
    disturb: Disturb
    verdict: Verdict | None
    ends: str
    """Why the attempt ends: Promoted, GateFailed, or ProgressDeadlineExceeded."""
    gate: dict[str, Any] = field(default_factory=lambda: SLO)
    steps: tuple[dict[str, object], ...] = (weight(50), pause("2s"))


NEVER = "ProgressDeadlineExceeded"


def asked(scenario: str, found: LookAnswer, verdict: Verdict, ends: str = NEVER, **gate: Any) -> EvidenceRow:
    return EvidenceRow(scenario=scenario, disturb=prometheus(found), verdict=verdict, ends=ends, gate={**SLO, **gate})


def checked(scenario: str, content: bytes, verdict: Verdict, status: int = 200) -> EvidenceRow:
    return EvidenceRow(scenario=scenario, disturb=service(content, status), verdict=verdict, ends=NEVER, gate=CHECK)


def counted(
    scenario: str, disturb: Disturb, verdict: Verdict | None, ends: str, gate: dict[str, Any] = ERRORS
) -> EvidenceRow:
    return EvidenceRow(scenario=scenario, disturb=disturb, verdict=verdict, ends=ends, gate=gate)


def paired(scenario: str, disturb: Disturb, verdict: Verdict) -> EvidenceRow:
    copied = (mirror(100), pause("2s"), weight(50), pause("2s"))
    return EvidenceRow(scenario=scenario, disturb=disturb, verdict=verdict, ends=NEVER, gate=SAME, steps=copied)


OF_A_QUERY = (
    asked("a value within the range", GOOD, PASS, "Promoted"),
    asked("no data: no series", NO_SERIES, INCONCLUSIVE),
    asked("no data: not a number", promql(vector("NaN")), INCONCLUSIVE),
    asked("a scalar that is not a number", promql(said("scalar", [NOW, "NaN"])), INCONCLUSIVE),
    asked("infinity where nothing is too large", promql(vector("+Inf")), INCONCLUSIVE, thresholdRange={"min": 0.1}),
    asked("infinity where nothing is too small", promql(vector("-Inf")), INCONCLUSIVE, thresholdRange={"max": 0.5}),
    asked("several series", promql(vector("0.2", "0.3")), ERROR),
    asked("several series, all too large", promql(vector("0.7", "0.8")), ERROR),
    asked("a range vector", promql(said("matrix", [{"metric": {}, "values": [[NOW, "0.2"]]}])), ERROR),
    asked("a string", promql(said("string", [NOW, "0.2"])), ERROR),
    asked("a native histogram", promql(said("vector", [{"metric": {}, "histogram": [NOW, {}]}])), ERROR),
    asked("a sample that is a word", promql(vector("many")), ERROR),
    asked("half an answer of a store that is away", promql(vector("0.2", warnings=["remote read: 503"])), ERROR),
    asked("HTML", promql(LOGIN), ERROR),
    asked("nothing at all", promql(b""), ERROR),
    asked("half of the JSON", promql(vector("0.2")[:-9]), ERROR),
    asked("JSON of another service", promql(b'{"items": []}'), ERROR),
    asked("a redirect", promql(b"", 302), ERROR),
    asked("400: a query that cannot be parsed", promql(told("parse error"), 400), ERROR),
    asked("401", promql(LOGIN, 401), ERROR),
    asked("403", promql(b"", 403), ERROR),
    asked("404", promql(b"404 page not found", 404), ERROR),
    asked("422: too many samples", promql(told("too many samples"), 422), ERROR),
    asked("429", promql(b"", 429), ERROR),
    asked("500", promql(b"", 500), ERROR),
    asked("502", promql(b"bad gateway", 502), ERROR),
    asked("503", promql(told("query timed out"), 503), ERROR),
    asked("a time-out", Unanswered(why="source 'default': it does not answer within 5 s"), ERROR),
    asked("Prometheus is away", AWAY, ERROR),
    asked("the series of an older attempt", promql(vector("0.2", at=NOW - 100)), INCONCLUSIVE),
    asked("the bad series of an older attempt", promql(vector("0.7", at=NOW - 100)), INCONCLUSIVE),
    EvidenceRow(
        scenario="Prometheus is away, and back",
        disturb=for_a_while(prometheus(AWAY), prometheus(GOOD)),
        verdict=None,
        ends="Promoted",
    ),
    EvidenceRow(
        scenario="a gap between scrapes is longer than a series lives",
        disturb=for_a_while(prometheus(GOOD, *[NO_SERIES] * 40), prometheus(GOOD)),
        verdict=None,
        ends="Promoted",
        steps=(weight(50), pause("40s")),
    ),
    EvidenceRow(
        scenario="Prometheus is away between two values outside the range",
        disturb=prometheus(BAD, AWAY, AWAY, AWAY, BAD),
        verdict=None,
        ends="GateFailed",
    ),
    asked("no data, which the user calls bad", NO_SERIES, FAIL, "GateFailed", onNoData="Fail"),
)
OF_A_CHECK = (
    checked("a service that never decides", b'{"verdict": "inconclusive"}', INCONCLUSIVE),
    checked("a service that says HTML", LOGIN, ERROR),
    checked("a service that says no verdict", b'{"status": "ok"}', ERROR),
    checked("a service that fails with a verdict of fail", b'{"verdict": "fail"}', ERROR, 500),
    checked("a service that redirects", b"", ERROR, 301),
    checked("a service that wants credentials", b"", ERROR, 401),
)
OF_COUNTERS = (
    counted("no request at all", sets(requests=0), INCONCLUSIVE, NEVER),
    counted("so few requests that the candidate gets none", sets(requests=1), INCONCLUSIVE, NEVER),
    counted("no gateway pod answers", sets(deaf=True), ERROR, NEVER),
    counted(
        "a provider that counts nothing",
        sets(capabilities=replace(ABLE_TO_DO_ALL, evidence=False), deaf=True),
        ERROR,
        NEVER,
    ),
    counted("counters begin anew", counters_begin_anew, None, "Promoted"),
    counted("counters fall", counters_fall, None, "Promoted"),
    counted("failures of an older attempt", failures_of_an_older_attempt, None, "Promoted"),
    counted("no counter is read for a while", for_a_while(sets(deaf=True), sets(deaf=False)), None, "Promoted"),
    counted(
        "one gateway pod is silent for a while",
        for_a_while(sets(silent={"gw-1"}), sets(silent=set()), 5),
        None,
        "Promoted",
    ),
    counted("the gateway is scaled from 2 to 80", gateway_pods(80), None, "Promoted"),
    counted("the gateway is scaled down to 1", gateway_pods(1), None, "Promoted"),
    counted("the clock jumps an hour on, without requests", clock(timedelta(hours=1), requests=0), INCONCLUSIVE, NEVER),
    counted("the clock jumps a day back, without requests", clock(-timedelta(days=1), requests=0), INCONCLUSIVE, NEVER),
    counted("the clock jumps an hour on", clock(timedelta(hours=1), requests=100), None, "Promoted"),
    counted("both versions are equally bad", sets(failing={"rev1": 0.3, "rev2": 0.3}), None, "Promoted"),
    counted("neither version serves", sets(failing={"rev1": 0.99, "rev2": 1.0}), INCONCLUSIVE, NEVER),
    counted("the new version is bad", sets(failing={"rev1": 0.0, "rev2": 0.3}), None, "GateFailed"),
    counted(
        "an outage hits both",
        for_a_while(sets(failing={"rev1": 0.9, "rev2": 0.9}), sets(failing={}), 2),
        None,
        "Promoted",
    ),
    counted("latencies that no gateway pod tells", sets(latencies={}), INCONCLUSIVE, NEVER, SLOW),
    counted("no try that latencies could be told of", sets(requests=0), INCONCLUSIVE, NEVER, SLOW),
    counted("latencies while no gateway pod answers", sets(deaf=True), ERROR, NEVER, SLOW),
    counted(
        "both versions are equally slow",
        sets(latencies={"rev1": (150, 151), "rev2": (150, 151)}),
        None,
        "Promoted",
        SLOW,
    ),
)
OF_PAIRS = (
    paired("a drift monitor that is away", lacks(PairedOutputs, ERROR, "the monitor does not answer"), ERROR),
    paired("a drift monitor that was not asked yet", lambda _: None, INCONCLUSIVE),
    paired(
        "no request that both versions answered",
        monitor(replace(NO_PAIRS, candidate_rows=500, stable_rows=500)),
        INCONCLUSIVE,
    ),
    paired("outputs that are neither class nor number", monitor(replace(NO_PAIRS, unpredicted=500)), INCONCLUSIVE),
    paired(
        "numbers of which nobody knows what is much", monitor(replace(NO_PAIRS, pairs=500, unscaled=500)), INCONCLUSIVE
    ),
)
ROWS = (*OF_A_QUERY, *OF_A_CHECK, *OF_COUNTERS, *OF_PAIRS)


def begun(row: EvidenceRow) -> RolloutWorld:
    """The candidate has its first share, or its first copies."""
    analysis = {"interval": "1s", "gates": [row.gate], "onInconclusive": "Promote"}
    recorded = {"minReplicas": 4, "logger": {"mode": "all"}}
    world = on_trial(canary(*row.steps, analysis=analysis, predictor=recorded, progressDeadline="60s"))
    world.latencies = {"rev1": EVEN, "rev2": EVEN}
    copied = "setMirror" in row.steps[0]
    return until(world, (lambda world: world.status.phase is Phase.PROGRESSING) if copied else has(50))


def judged(world: RolloutWorld, name: str) -> GateStatus:
    return next(one for one in world.status.gates if one.stage is AttemptStage.TRIAL and one.name == name)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.scenario)
def test_each_scenario_comes_to_its_verdict_and_none_without_evidence_to_a_promotion(row: EvidenceRow) -> None:
    world = begun(row)
    row.disturb(world)
    if row.verdict in {INCONCLUSIVE, ERROR}:
        for _ in range(12):
            world.tick()
        assert (judged(world, row.gate["name"]).verdict, stable(world)) == (row.verdict, "1")
    world.settle()
    record = last(world)
    assert (record.reason, stable(world)) == (row.ends, "2" if row.ends == "Promoted" else "1")
    final = next(gate for gate in record.gates if gate.name == row.gate["name"])
    if row.verdict:
        assert final.verdict is row.verdict
    if row.ends == NEVER:
        assert row.gate["name"] in record.message, "it is said which gate it was"


def test_a_clock_that_jumps_promotes_nothing_by_itself() -> None:
    world = begun(counted("", lambda _: None, None, "Promoted"))
    clock(timedelta(days=400), requests=0)(world)
    world.tick(0.0)
    assert stable(world) == "1"


def test_of_eighty_gateway_pods_no_try_is_counted_twice() -> None:
    world = begun(replace(OF_COUNTERS[9], steps=(weight(50), pause("20s"))))
    gateway_pods(80)(world)
    for _ in range(10):
        world.tick()
    served = sum(counters.tries[2, "rev2", TryReason.USERS] for counters in world.counters.values())
    assert world.status.evidence
    assert len(world.status.evidence.readings) == 80
    assert 0 < judged(world, "error-rate").samples <= served


# --- with Prometheus absent all but `query` works


def several(*gates: dict[str, Any]) -> RolloutWorld:
    row = EvidenceRow(scenario="", disturb=lambda _: None, verdict=None, ends="", steps=(weight(50), pause("4s")))
    analysis = {"interval": "1s", "gates": list(gates), "onInconclusive": "Pause"}
    world = begun(row)
    edited = canary(
        *row.steps, analysis=analysis, predictor={"minReplicas": 4, "logger": {"mode": "all"}}, progressDeadline="60s"
    )
    world.edit(edited)
    looks = answers("query", AWAY)
    check = check_answer(200, b'{"verdict": "pass"}')

    def measured() -> tuple[object, ...]:
        (away,) = looks()
        assert isinstance(away, OutsideLooks)
        said = OutsideLook(asked_at=away.looks["query"].asked_at, answer=check)
        return (OutsideLooks(looks={**away.looks, "webhook": said}),)

    world.measured = measured
    return world


def test_without_a_prometheus_all_other_gates_decide_and_promote() -> None:
    world = several(ERRORS, SLOW, CHECK).settle()
    assert stable(world) == "2"
    assert {gate.verdict for gate in last(world).gates} == {PASS}


def test_without_a_prometheus_a_query_alone_holds_the_promotion_back_and_the_others_have_their_verdicts() -> None:
    world = several(ERRORS, SLOW, CHECK, SLO).settle()
    assert (stable(world), last(world).reason) == ("1", NEVER)
    verdicts = {gate.name: gate.verdict for gate in last(world).gates}
    assert verdicts.pop("query") is ERROR
    assert set(verdicts.values()) == {PASS}


def test_without_a_prometheus_a_bad_version_is_rolled_back_as_soon_as_with_one() -> None:
    took = []
    for gates in ((ERRORS, SLO), (ERRORS,)):
        world = several(*gates)
        began = world.now
        world.failing = {"rev1": 0.0, "rev2": 0.5}
        until(world, lambda world: world.status.phase is Phase.ROLLING_BACK)
        took.append(world.now - began)
        world.settle()
        assert last(world).reason == "GateFailed"
        assert last(world).message.startswith("error-rate: ")
    assert took[0] == took[1]


def test_without_the_model_store_no_attempt_begins() -> None:
    world = RolloutWorld(spec=canary(weight(50), pause("2s"), analysis={"interval": "1s"})).want("1").settle()
    lacks(ComparedCards, ERROR, "the model store does not answer")(world)
    world.want("2")
    for _ in range(20):
        world.tick()
    assert (stable(world), world.status.candidate) == ("1", None)
