"""Services outside are asked beside the passes, each in its own places, and a pass takes what is known."""

import asyncio
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from penstock_contracts.api.analysis import Analysis
from penstock_contracts.api.status import AttemptStage, Revision
from penstock_contracts.verdict import Verdict
from penstock_controller.errors import ClusterAway, Rejected
from penstock_controller.gates.looks import CheckVerdict, LookAnswer, MeasuredValue, NoValue, Unanswered
from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.questions import CheckQuestion, OutsideQuestion, QueryQuestion, QuestionSubject
from penstock_testing.scripted_measurements import ScriptedMeasurements, measurement_watch

KEY = ResourceKey("ns", "m")
SLO = {"name": "query", "query": "x", "thresholdRange": {"max": 1}}
CHECK = {"name": "webhook", "url": "https://checks.example/", "headersSecret": "token"}


def subject(**changed: Any) -> QuestionSubject:
    known: dict[str, Any] = {
        "namespace": "ns",
        "name": "m",
        "uid": "u",
        "attempt": 2,
        "stage": AttemptStage.TRIAL,
        "began_at": "2026-01-01T00:00:00Z",
        "candidate": Revision(revision="rev2", version="2", digest="sha256:2"),
        "stable": Revision(revision="rev1", version="1", digest="sha256:1"),
        "step": 1,
        "steps": 6,
        "step_since": "2026-01-01T00:01:00.000Z",
        "weight": 5,
        "mirror": 0,
    }
    return QuestionSubject(**(known | changed))


def question(entry: dict[str, Any] = SLO, **changed: Any) -> OutsideQuestion:
    (gate,) = Analysis.model_validate({"gates": [entry]}).gates or ()
    if gate.name == "query":
        return QueryQuestion(entry=gate, subject=subject(**changed), interval="10s")
    assert gate.name == "webhook"
    return CheckQuestion(entry=gate, subject=subject(**changed), answers_at="http://gateway/ns/m")


class Rig:
    """A watch that works for as long as nothing is waited for."""

    def __init__(self, **scripted: Any) -> None:
        self.scripted = ScriptedMeasurements(**scripted)
        self.woken: list[ResourceKey] = []
        self.now = 0.0
        self.watch = measurement_watch(self.scripted, self.woken.append, clock=lambda: self.now)

    def follow(self, *questions: OutsideQuestion, key: ResourceKey = KEY) -> dict[str, LookAnswer]:
        looks = self.watch.follow(key, questions, 10.0)
        return {title: look.answer for title, look in looks.items()}

    async def work(self, seconds: float = 0.0) -> None:
        """Time passes; what is due is asked."""
        self.now += seconds
        running = asyncio.ensure_future(self.watch.run())
        for _ in range(20):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    @property
    def asked(self) -> int:
        return len(self.scripted.asked)


async def test_what_is_asked_is_known_to_the_pass_that_it_wakes() -> None:
    rig = Rig(answers={"query": MeasuredValue(value=0.2)})
    assert rig.follow(question()) == {}
    await rig.work()
    assert rig.woken == [KEY]
    assert rig.follow(question()) == {"query": MeasuredValue(value=0.2)}


async def test_it_is_asked_again_when_the_interval_is_over_and_not_before() -> None:
    rig = Rig()
    rig.follow(question())
    await rig.work()
    await rig.work(9.0)
    rig.follow(question())
    await rig.work()
    assert rig.asked == 1
    await rig.work(1.0)
    assert rig.asked == 2


async def test_each_look_is_another_one_by_its_time() -> None:
    rig = Rig()
    rig.follow(question())
    await rig.work()
    first = rig.watch.follow(KEY, [question()], 10.0)["query"]
    await rig.work(10.0)
    second = rig.watch.follow(KEY, [question()], 10.0)["query"]
    assert (first.asked_at, second.asked_at) == ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:10.000Z")


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"attempt": 3}, id="another attempt"),
        pytest.param({"candidate": Revision(revision="rev3", version="3", digest="sha256:3")}, id="another version"),
        pytest.param({"stage": AttemptStage.BAKE}, id="the bake"),
        pytest.param({"uid": "other"}, id="another resource of the same name"),
    ],
)
async def test_an_answer_about_something_else_is_forgotten(changed: dict[str, Any]) -> None:
    rig = Rig()
    rig.follow(question())
    await rig.work()
    assert rig.follow(question(**changed)) == {}
    await rig.work()
    assert rig.asked == 2


async def test_another_step_is_asked_about_at_once_and_the_old_answer_stands_until_then() -> None:
    rig = Rig(answers={"query": MeasuredValue(value=0.2)})
    rig.follow(question())
    await rig.work()
    assert rig.follow(question(step=2, weight=25)) == {"query": MeasuredValue(value=0.2)}
    await rig.work()
    assert rig.asked == 2


async def test_an_answer_that_comes_when_nobody_asks_any_more_wakes_nobody() -> None:
    rig = Rig(hanging={"query"})
    rig.follow(question())
    running = asyncio.ensure_future(rig.watch.run())
    for _ in range(10):
        await asyncio.sleep(0)
    assert rig.asked == 1
    rig.follow()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert rig.woken == []
    rig.scripted.hanging.clear()
    await rig.work()
    assert (rig.asked, rig.woken) == (1, [])


async def test_one_service_that_hangs_delays_no_other_whoever_asks_it() -> None:
    rig = Rig(hanging={"webhook"}, secrets={"token": {}})
    others = [ResourceKey("ns", f"m{number}") for number in range(100)]
    for other in others:
        rig.follow(question(CHECK), key=other)
    rig.follow(question(CHECK), question())
    await rig.work()
    assert rig.follow(question(CHECK), question()) == {"query": NoValue(why="nobody said one")}


async def test_a_service_that_does_not_answer_is_asked_less_and_less_often_and_at_once_when_it_is_back() -> None:
    rig = Rig(answers={"query": Unanswered(why="it is away")})
    rig.follow(question())
    times = []
    for _ in range(300):
        before = rig.asked
        await rig.work(1.0)
        if rig.asked > before:
            times.append(rig.now)
    gaps = [int(later - earlier) for earlier, later in pairwise(times)]
    assert gaps[0] == 10
    assert gaps == sorted(gaps)
    assert gaps[-1] == 60
    rig.scripted.answers.clear()
    for _ in range(120):
        await rig.work(1.0)
    assert rig.follow(question()) == {"query": NoValue(why="nobody said one")}
    before = rig.asked
    for _ in range(20):
        await rig.work(1.0)
    assert rig.asked == before + 2


async def test_what_the_administrator_refuses_is_never_asked() -> None:
    rig = Rig(refused={"query": "source 'x' is not among those defined"})
    answer = rig.follow(question())["query"]
    await rig.work()
    assert answer == Unanswered(reason="NoSuchSource", why="source 'x' is not among those defined")
    assert rig.asked == 0
    (entry,) = Analysis.model_validate({"gates": [SLO]}).gates or ()
    assert entry.name == "query"
    assert rig.watch.refusals([entry], "ns") == {"query": "source 'x' is not among those defined"}


async def test_the_users_secret_is_read_anew_for_each_look() -> None:
    rig = Rig(answers={"webhook": CheckVerdict(verdict=Verdict.PASS)}, secrets={"token": {"Authorization": "a"}})
    rig.follow(question(CHECK))
    await rig.work()
    rig.scripted.secrets["token"] = {"Authorization": "b"}
    await rig.work(10.0)
    assert [headers for _, headers in rig.scripted.asked] == [{"Authorization": "a"}, {"Authorization": "b"}]


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (Rejected("headersSecret 'token' cannot be read"), "cannot be read"),
        (ClusterAway("no answer"), "no answer"),
        (RuntimeError("a fault of ours"), "see the controller's log"),
    ],
)
async def test_headers_that_cannot_be_had_are_an_error_of_the_gate(failure: Exception, told: str) -> None:
    rig = Rig(secrets={"token": failure})
    rig.follow(question(CHECK))
    await rig.work()
    answer = rig.follow(question(CHECK))["webhook"]
    assert isinstance(answer, Unanswered)
    assert told in answer.why


async def test_a_fault_of_ours_ends_no_other_question() -> None:
    rig = Rig(answers={"query": RuntimeError("boom")})
    rig.follow(question())
    await rig.work()
    assert isinstance(rig.follow(question())["query"], Unanswered)
    rig.scripted.answers.clear()
    await rig.work(10.0)
    assert rig.follow(question()) == {"query": NoValue(why="nobody said one")}


async def test_a_resource_that_is_gone_is_asked_about_no_more() -> None:
    rig = Rig()
    rig.follow(question())
    await rig.work()
    rig.watch.forget(KEY)
    await rig.work(100.0)
    assert rig.asked == 1


def test_the_query_is_filled_in_when_it_is_asked() -> None:
    template = (
        "{{namespace}}/{{ name }} {{candidateRevision}} {{candidateVersion}} {{stableRevision}} {{stableVersion}} "
        "{{attempt}} {{attemptStart}} x[{{attemptAge}}] x[{{stepAge}}] x[{{interval}}]"
    )
    asked = question(SLO | {"query": template})
    assert isinstance(asked, QueryQuestion)
    text = asked.promql(datetime(2026, 1, 1, 0, 1, 35, tzinfo=UTC))
    assert text == "ns/m rev2 2 rev1 1 2 1767225600 x[95s] x[35s] x[10s]"
    early = asked.promql(datetime(2026, 1, 1, tzinfo=UTC))
    assert early.endswith("x[1s] x[1s] x[10s]"), "a range of no length is no PromQL"


def test_a_check_is_told_what_is_judged_and_its_id_stays_as_long_as_the_stage() -> None:
    asked = question(CHECK)
    assert isinstance(asked, CheckQuestion)
    assert asked.document == {
        "id": "u/2/trial/webhook",
        "gate": "webhook",
        "resource": {"namespace": "ns", "name": "m", "uid": "u"},
        "attempt": {"number": 2, "stage": "trial", "startedAt": "2026-01-01T00:00:00Z"},
        "step": {"done": 1, "of": 6, "since": "2026-01-01T00:01:00.000Z", "weight": 5, "mirror": 0},
        "candidate": {"version": "2", "digest": "sha256:2", "revision": "rev2"},
        "stable": {"version": "1", "digest": "sha256:1", "revision": "rev1"},
        "url": "http://gateway/ns/m",
    }
    later = question(CHECK, step=3, weight=25)
    assert isinstance(later, CheckQuestion)
    assert later.document["id"] == asked.document["id"]
