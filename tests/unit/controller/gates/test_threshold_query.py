"""The gate `query`: from a Prometheus's answer to a verdict, one scenario in each row."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock_contracts.api.analysis import Analysis
from penstock_contracts.verdict import Verdict
from penstock_controller.adapters.prometheus_answer import prometheus_answer
from penstock_controller.gates.catalogue import gates_of
from penstock_controller.gates.evidence import Evidence
from penstock_controller.gates.gate import GateMemory, Judgement
from penstock_controller.gates.looks import LookAnswer, OutsideLook, OutsideLooks, Unanswered

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = BEGAN.timestamp() + 60
LOGIN = b"<!doctype html><title>Sign in</title>"
PASS, FAIL, INCONCLUSIVE, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR


def said(data: Any, **more: Any) -> bytes:
    return json.dumps({"status": "success", "data": data, **more}).encode()


def vector(*values: str, at: float = NOW, **more: Any) -> bytes:
    result = [{"metric": {"pod": str(index)}, "value": [at, value]} for index, value in enumerate(values)]
    return said({"resultType": "vector", "result": result}, **more)


def kind(name: str, result: Any) -> bytes:
    return said({"resultType": name, "result": result})


def refusal(error: Any, kind_of_error: str = "bad_data") -> bytes:
    return json.dumps({"status": "error", "errorType": kind_of_error, "error": error}).encode()


@dataclass(frozen=True)
class Row:
    """What is answered to a query whose value must be from 0.1 to 0.5, twice in a row, and what is said of it."""

    scenario: str
    content: bytes
    verdict: Verdict
    told: str
    status: int = 200
    no_data: str = "Pause"


ROWS = (
    Row("a vector of one sample within the range", vector("0.2"), PASS, "the value is 0.2, as it must be"),
    Row("a scalar within the range", kind("scalar", [NOW, "0.2"]), PASS, "0.2"),
    Row("exactly the largest value", vector("0.5"), PASS, "0.5"),
    Row("exactly the smallest value", vector("0.1"), PASS, "0.1"),
    Row("a number as exponents are written", vector("2e-1"), PASS, "0.2"),
    Row("a value that is too large", vector("0.7"), FAIL, "the value is 0.7, above 0.5"),
    Row("a value that is too small", vector("0.01"), FAIL, "0.01, below 0.1"),
    Row("a negative value", vector("-3"), FAIL, "-3, below 0.1"),
    Row("an infinite value is too large", vector("+Inf"), FAIL, "inf, above 0.5"),
    Row("an infinite value is too small", vector("-Inf"), FAIL, "-inf, below 0.1"),
    Row("no requests, so a division of nothing by nothing", vector("NaN"), INCONCLUSIVE, "not a number (NaN)"),
    Row("a scalar that is no number", kind("scalar", [NOW, "NaN"]), INCONCLUSIVE, "NaN"),
    Row("no series yet", vector(), INCONCLUSIVE, "no series has one (onNoData: Pause)"),
    Row("no series, which the user calls bad", vector(), FAIL, "onNoData: Fail", no_data="Fail"),
    Row("no series, which the user calls good", vector(), PASS, "onNoData: Pass", no_data="Pass"),
    Row("NaN, which the user calls bad", vector("NaN"), FAIL, "onNoData: Fail", no_data="Fail"),
    Row("a sample from before the attempt", vector("0.2", at=NOW - 100), INCONCLUSIVE, "40 s before the attempt began"),
    Row("a bad sample from before the attempt", vector("0.7", at=NOW - 100), INCONCLUSIVE, "before the attempt"),
    Row("several series", vector("0.2", "0.3", "0.4"), ERROR, "3 series, and one is needed"),
    Row("several series that are all too large", vector("0.7", "0.8"), ERROR, "aggregate them"),
    Row("a range vector", kind("matrix", [{"metric": {}, "values": [[NOW, "0.2"]]}]), ERROR, "a range of values"),
    Row("a string", kind("string", [NOW, "0.2"]), ERROR, "a text: ask for a number"),
    Row("a native histogram", kind("vector", [{"metric": {}, "histogram": [NOW, {}]}]), ERROR, "a histogram"),
    Row("a kind that Prometheus may have one day", kind("tensor", []), ERROR, "a kind of result that is not known"),
    Row("a sample without its time", kind("vector", [{"metric": {}, "value": ["0.2"]}]), ERROR, "no number with its"),
    Row("a sample that is a word", vector("many"), ERROR, "no number with its time"),
    Row("a time that no calendar has", vector("0.2", at=1e300), ERROR, "no number with its time"),
    Row("a vector that is no list", kind("vector", {"value": [NOW, "0.2"]}), ERROR, "a kind of result"),
    Row("half an answer of a store that is away", vector("0.2", warnings=["remote read: 503"]), ERROR, "in part only"),
    Row("a remark on the query", vector("0.2", warnings=["PromQL info: metric might not be a counter"]), PASS, "0.2"),
    Row("a remark in the newer place", vector("0.2", infos=["PromQL info: might not be a counter"]), PASS, "0.2"),
    Row("a login page", LOGIN, ERROR, "is there a page in front of it?"),
    Row("nothing at all", b"", ERROR, "not Prometheus's JSON"),
    Row("half of the JSON", vector("0.2")[:-9], ERROR, "not Prometheus's JSON"),
    Row("JSON of another service", b'{"items": []}', ERROR, "not Prometheus's JSON"),
    Row("JSON without end", b"[" * 100_000, ERROR, "not Prometheus's JSON"),
    Row("bytes that are no text", b"\xff\xfe\x00", ERROR, "not Prometheus's JSON"),
    Row("an error that is called a success by HTTP", refusal("it broke"), ERROR, "not Prometheus's JSON"),
    Row("a query that cannot be parsed", refusal("1:5: parse error"), ERROR, "query (400): 1:5: parse error", 400),
    Row("a query that cannot be executed", refusal("too many samples", "execution"), ERROR, "too many samples", 422),
    Row("a refusal in words for a terminal", refusal("a\x1b[31m\nb"), ERROR, "a [31m b", 400),
    Row("a refusal that is no text", refusal(["x"]), ERROR, "answers 400", 400),
    Row("no credentials", LOGIN, ERROR, "answers 401: does its headersSecret", 401),
    Row("another tenant's credentials", b"", ERROR, "answers 403: does its headersSecret", 403),
    Row("a wrong path", b"404 page not found", ERROR, "answers 404", 404),
    Row("too many queries", b"", ERROR, "answers 429", 429),
    Row("a query that took too long", refusal("query timed out", "timeout"), ERROR, "answers 503", 503),
    Row("a proxy without a server", b"bad gateway", ERROR, "answers 502", 502),
)


def gate(**fields: Any) -> Any:
    entry = {"name": "query", "query": "x", "thresholdRange": {"min": 0.1, "max": 0.5}, **fields}
    (found,) = gates_of(Analysis.model_validate({"gates": [entry]}))
    return found


def judged(answers: list[LookAnswer], **fields: Any) -> Judgement:
    """What a gate says after looks one after the other."""
    judgement = Judgement(verdict=INCONCLUSIVE, reason="", message="", seen=GateMemory())
    for second, answer in enumerate(answers):
        look = OutsideLook(asked_at=f"2026-01-01T00:00:{second:02}.000Z", answer=answer)
        looks = OutsideLooks(looks={"query": look})
        judgement = gate(**fields).judge(Evidence(parts=(looks,)), judgement.seen)
    return judgement


def answers(*values: str) -> list[LookAnswer]:
    """Of queries; `-` is one that could not be asked, `?` one without a value."""
    meaning = {"-": Unanswered(why="it is away"), "?": prometheus_answer(200, vector(), began_at=BEGAN)}
    return [meaning.get(value) or prometheus_answer(200, vector(value), began_at=BEGAN) for value in values]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.scenario)
def test_each_answer_has_its_verdict(row: Row) -> None:
    answer = prometheus_answer(row.status, row.content, began_at=BEGAN)
    judgement = judged([answer, answer], onNoData=row.no_data)
    assert (judgement.verdict, row.told in judgement.message) == (row.verdict, True), judgement.message


@pytest.mark.parametrize(
    ("looks", "verdict"),
    [
        pytest.param("0.2", INCONCLUSIVE, id="one good value is not enough"),
        pytest.param("0.7", INCONCLUSIVE, id="one outlier rolls nothing back"),
        pytest.param("0.2 0.2 0.7", INCONCLUSIVE, id="one outlier takes the pass away"),
        pytest.param("0.2 0.2 0.7 0.2", INCONCLUSIVE, id="after an outlier a good value begins anew"),
        pytest.param("0.2 0.2 0.7 0.2 0.2", PASS, id="and the next one gives the pass back"),
        pytest.param("0.7 0.2 0.7 0.2 0.7", INCONCLUSIVE, id="a value that swings neither fails nor passes"),
        pytest.param("0.7 0.7", FAIL, id="two in a row fail"),
        pytest.param("0.7 0.01", FAIL, id="too large, then too small, is outside twice"),
        pytest.param("0.7 - 0.7", FAIL, id="a source that was away between says nothing"),
        pytest.param("0.7 ? 0.7", FAIL, id="nor does a value that is missing between"),
        pytest.param("0.2 -", ERROR, id="a source that is away is an error"),
        pytest.param("0.2 0.2 -", ERROR, id="a source that is away passes nothing, whatever it said before"),
        pytest.param("0.2 0.2 - - -", ERROR, id="a source that stays away fails nothing"),
        pytest.param("0.2 0.2 - 0.2", PASS, id="away and back"),
        pytest.param("0.2 0.2 ?", INCONCLUSIVE, id="a value that is gone passes nothing"),
        pytest.param("NaN NaN NaN", INCONCLUSIVE, id="no traffic, however long"),
    ],
)
def test_a_verdict_is_what_looks_in_a_row_agree_on(looks: str, verdict: Verdict) -> None:
    assert judged(answers(*looks.split())).verdict is verdict


def test_an_infinite_value_never_passes_where_its_side_has_no_limit() -> None:
    without_limit = judged(answers("+Inf", "+Inf"), thresholdRange={"min": 0.1})
    assert (without_limit.verdict, without_limit.seen.samples) == (INCONCLUSIVE, 0)
    assert "division by zero" in without_limit.message


def test_as_many_in_a_row_decide_as_the_spec_says() -> None:
    assert judged(answers("0.7"), consecutive=1).verdict is FAIL
    assert judged(answers("0.7", "0.7"), consecutive=3).verdict is INCONCLUSIVE
    assert judged(answers("0.7", "0.7", "0.7"), consecutive=3).verdict is FAIL


def test_one_look_counts_once_however_often_it_is_judged() -> None:
    look = OutsideLook(asked_at="2026-01-01T00:00:00.000Z", answer=answers("0.7")[0])
    evidence = Evidence(parts=(OutsideLooks(looks={"query": look}),))
    first = gate().judge(evidence, GateMemory())
    again = gate().judge(evidence, first.seen)
    assert first == again
    assert again.seen.samples == 1


def test_only_values_are_samples() -> None:
    assert judged(answers("0.2", "?", "-", "NaN", "0.7")).seen.samples == 2


def test_the_figures_are_the_value_and_its_thresholds() -> None:
    figures = judged(answers("0.2")).seen.figures
    assert [(one.name, one.candidate) for one in figures] == [
        ("value", 0.2),
        ("lowest allowed", 0.1),
        ("highest allowed", 0.5),
    ]


def test_figures_stay_while_the_source_is_away_and_none_is_infinite() -> None:
    assert judged(answers("0.2", "-")).seen.figures == judged(answers("0.2")).seen.figures
    assert judged(answers("+Inf")).seen.figures == ()


def test_a_source_that_was_not_asked_yet_is_no_evidence() -> None:
    judgement = gate().judge(Evidence(parts=(OutsideLooks(),)), GateMemory())
    assert (judgement.verdict, judgement.reason) == (INCONCLUSIVE, "NoEvidence")


def test_a_state_that_was_edited_by_hand_begins_anew() -> None:
    look = OutsideLook(asked_at="2026-01-01T00:00:00.000Z", answer=answers("0.7")[0])
    seen = GateMemory(samples=5, state="no such thing")
    judgement = gate().judge(Evidence(parts=(OutsideLooks(looks={"query": look}),)), seen)
    assert judgement.verdict is INCONCLUSIVE


def test_another_query_or_range_begins_a_new_test() -> None:
    configs = {
        gate().config,
        gate(query="y").config,
        gate(source="other").config,
        gate(thresholdRange={"max": 0.5}).config,
        gate(consecutive=3).config,
        gate(onNoData="Fail").config,
    }
    assert len(configs) == 6
    assert max(map(len, configs)) <= 256
