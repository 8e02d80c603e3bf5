"""Services outside over real HTTP: a real Prometheus, and servers that answer what no service should."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from penstock_contracts.api.analysis import Analysis, QueryGate, WebhookGate
from penstock_contracts.api.status import AttemptStage, Revision
from penstock_contracts.verdict import Verdict
from penstock_controller.adapters.measurements import MOST_BYTES, HttpMeasurements
from penstock_controller.gates.looks import CheckVerdict, LookAnswer, MeasuredValue, NoValue, Unanswered
from penstock_controller.measurement_watch import MeasurementWatch
from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.questions import CheckQuestion, OutsideQuestion, QueryQuestion, QuestionSubject
from penstock_controller.settings import MeasurementSettings
from penstock_testing.doorkeeper import certificates_for
from penstock_testing.faulty_server import Fault, FaultyExchange, FaultyServer
from penstock_testing.scraping_prometheus import ScrapingPrometheus
from penstock_testing.scripted_measurements import ScriptedMeasurements

KEY = ResourceKey("payments", "fraud")
SOON = 0.5
VALUE = json.dumps({"status": "success", "data": {"resultType": "scalar", "result": [4e9, "0.2"]}}).encode()


class Paths(dict[str, Fault]):
    """Requests by path, whatever they ask for; remembers what that was."""

    def __init__(self, faults: Mapping[str, Fault]) -> None:
        super().__init__(faults)
        self.asked: list[dict[str, list[str]]] = []

    def __missing__(self, target: str) -> Fault:
        parts = urlsplit(target)
        self.asked.append(parse_qs(parts.query))
        return self[parts.path]


def says(body: bytes, status: int = 200, *headers: str) -> Fault:
    return lambda exchange: exchange.answer(body, status=status, headers=headers)


async def endless(exchange: FaultyExchange) -> None:
    """More than anybody wants, for as long as somebody reads."""
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        exchange.writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await exchange.writer.drain()


async def drip(exchange: FaultyExchange) -> None:
    """A byte now and then: each comes in time, the whole never does."""
    exchange.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        exchange.writer.write(b" ")
        await exchange.writer.drain()
        await asyncio.sleep(0.05)


FAULTS: dict[str, tuple[Fault, str]] = {
    "html": (says(b"<html>Sign in</html>"), "is there a page in front of it?"),
    "redirect": (says(b"", 302, "Location: https://login.example/"), "with a redirect (302)"),
    "unauthorized": (says(b"", 401), "does its headersSecret hold what it wants?"),
    "missing": (says(b"404 page not found", 404), "answers 404"),
    "broken": (says(b"", 500), "answers 500"),
    "away": (says(b"upstream", 503), "answers 503"),
    "silent": (FaultyExchange.silence, "does not answer within 0.5 s"),
    "drip": (drip, "does not answer within 0.5 s"),
    "endless": (endless, f"more than {MOST_BYTES} bytes"),
    "garbage": (FaultyExchange.garbage, "does not speak HTTP"),
    "reset": (FaultyExchange.reset_in_the_middle, "the connection broke"),
    "packed": (says(b"\x1f\x8b\x08", 200, "Content-Encoding: gzip"), "not Prometheus's JSON"),
}


def subject(began: datetime) -> QuestionSubject:
    return QuestionSubject(
        namespace="payments",
        name="fraud",
        uid="u",
        attempt=3,
        stage=AttemptStage.TRIAL,
        began_at=began.isoformat(),
        candidate=Revision(revision="rev2", version="2", digest="sha256:2"),
        stable=Revision(revision="rev1", version="1", digest="sha256:1"),
        step=1,
        steps=6,
        step_since=began.isoformat(),
        weight=25,
        mirror=0,
    )


def query(promql: str, source: str = "default", *, seconds_ago: float = 600.0) -> QueryQuestion:
    entry = {"name": "query", "query": promql, "source": source, "thresholdRange": {"max": 1}}
    (gate,) = Analysis.model_validate({"gates": [entry]}).gates or ()
    assert isinstance(gate, QueryGate)
    began = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return QueryQuestion(entry=gate, subject=subject(began), interval="10s")


def check(**fields: Any) -> CheckQuestion:
    (gate,) = Analysis.model_validate({"gates": [{"name": "webhook", "timeout": "1s", **fields}]}).gates or ()
    assert isinstance(gate, WebhookGate)
    return CheckQuestion(entry=gate, subject=subject(datetime.now(UTC)), answers_at="http://gateway/payments/fraud")


def measurements(folder: Path, **settings: Any) -> HttpMeasurements:
    return HttpMeasurements(MeasurementSettings.model_validate(settings), folder)


async def answer(adapter: HttpMeasurements, question: OutsideQuestion, **headers: str) -> LookAnswer:
    return await asyncio.wait_for(adapter.fetch(question, headers, datetime.now(UTC)), 20)


async def why(adapter: HttpMeasurements, question: OutsideQuestion) -> str:
    found = await answer(adapter, question)
    assert isinstance(found, Unanswered), found
    return found.why


# --- a real Prometheus


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScrapingPrometheus]:
    with ScrapingPrometheus(tmp_path_factory.mktemp("prometheus")) as server:
        server.page = 'errors{revision="rev1"} 0.01\nerrors{revision="rev2"} 0.25\nnothing NaN\nlimitless +Inf\n'
        server.scraped("errors")
        yield server


@pytest.fixture
def asked(prometheus: ScrapingPrometheus, tmp_path: Path) -> HttpMeasurements:
    return measurements(tmp_path, prometheus={"default": {"uri": prometheus.url}})


@pytest.mark.parametrize(
    ("promql", "value"),
    [
        ("0.2", 0.2),
        ("scalar(errors{revision='rev1'})", 0.01),
        ("sum(errors)", 0.26),
        ('errors{revision="{{ candidateRevision }}"}', 0.25),
        ('errors{revision="{{stableRevision}}"}', 0.01),
        ('errors{revision="rev2"} / on () errors{revision="rev1"}', 25.0),
        ('max_over_time(errors{revision="rev2"}[{{ attemptAge }}])', 0.25),
        ("limitless", float("inf")),
    ],
)
async def test_a_query_with_one_value_has_it(asked: HttpMeasurements, promql: str, value: float) -> None:
    found = await answer(asked, query(promql))
    assert isinstance(found, MeasuredValue)
    assert found.value == pytest.approx(value)


@pytest.mark.parametrize("promql", ["nothing", "no_such_metric", "0 / 0", "sum(no_such_metric)", "errors > 100"])
async def test_a_query_without_a_value_says_nothing(asked: HttpMeasurements, promql: str) -> None:
    assert isinstance(await answer(asked, query(promql)), NoValue)


@pytest.mark.parametrize(
    ("promql", "told"),
    [
        ("errors", "2 series, and one is needed"),
        ("errors[1m]", "a range of values"),
        ('"text"', "a text"),
        ("sum(", "refuses the query (400): "),
        ("errors * on (revision) group_left () errors offset", "refuses the query (400): "),
        ("x[{{ attemptAge }}", "refuses the query (400): "),
    ],
)
async def test_a_query_that_is_wrong_blames_nobody_and_says_what_is_wrong(
    asked: HttpMeasurements, promql: str, told: str
) -> None:
    assert f"source 'default': it {'answers ' if 'refuses' not in told else ''}{told}" in await why(
        asked, query(promql)
    )


async def test_a_series_of_an_older_attempt_is_not_found_where_the_query_reaches_back_no_further(
    asked: HttpMeasurements, prometheus: ScrapingPrometheus
) -> None:
    """It was measured a minute ago. Before 2.43 a Prometheus knows no lookback_delta: the query must say it."""
    prometheus.page += f'older{{revision="rev2"}} 0.25 {int((time.time() - 60) * 1000)}\n'
    prometheus.scraped("older")
    bounded = "last_over_time(older[{{ attemptAge }}])"
    assert await answer(asked, query(bounded, seconds_ago=600.0)) == MeasuredValue(value=0.25)
    assert isinstance(await answer(asked, query(bounded, seconds_ago=20.0)), NoValue)


async def test_a_prometheus_whose_clock_is_behind_the_attempt_has_nothing_of_it(asked: HttpMeasurements) -> None:
    found = await answer(asked, query("sum(errors)", seconds_ago=-3600.0))
    assert isinstance(found, NoValue)


async def test_a_prometheus_that_is_away_and_comes_back(tmp_path: Path) -> None:
    with ScrapingPrometheus(tmp_path / "own") as server:
        adapter = measurements(tmp_path, prometheus={"default": {"uri": server.url}})
        assert await answer(adapter, query("1")) == MeasuredValue(value=1.0)
        server.stop()
        assert "it cannot be reached" in await why(adapter, query("1"))
        server.start()
        assert await answer(adapter, query("1")) == MeasuredValue(value=1.0)


# --- servers that answer anything


@pytest.fixture
async def server() -> AsyncIterator[FaultyServer]:
    paths = Paths({f"/{name}/api/v1/query": fault for name, (fault, _) in FAULTS.items()})
    paths["/good/api/v1/query"] = says(VALUE)
    async with FaultyServer(paths) as running:
        yield running


@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_an_answer_that_is_none_says_nothing_of_the_version_and_names_its_source(
    server: FaultyServer, tmp_path: Path, fault: str
) -> None:
    uri = f"http://127.0.0.1:{server.port}/{fault}/"
    adapter = measurements(tmp_path, prometheus={"default": {"uri": uri, "timeout": SOON}})
    told = await why(adapter, query("x"))
    assert told.startswith("source 'default': ")
    assert FAULTS[fault][1] in told


async def test_nobody_listens_or_has_that_name(server: FaultyServer, tmp_path: Path) -> None:
    server.refuse_new_connections()
    uris = {"gone": f"http://127.0.0.1:{server.port}", "nowhere": "http://no-such-name.invalid"}
    adapter = measurements(tmp_path, prometheus={name: {"uri": uri} for name, uri in uris.items()})
    for name in uris:
        assert "cannot be reached" in await why(adapter, query("x", name))


async def test_only_a_certificate_that_is_known_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, certificate, key = certificates_for("localhost")
    for name, content in (("ca.crt", authority), ("tls.crt", certificate), ("tls.key", key)):
        (tmp_path / name).write_text(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(VALUE) + VALUE)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as running:
        settings = {"default": {"uri": f"https://localhost:{running.sockets[0].getsockname()[1]}"}}
        assert "is its certificate known?" in await why(measurements(tmp_path, prometheus=settings), query("x"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.crt"))
        found = await answer(measurements(tmp_path, prometheus=settings), query("x"))
        assert found == MeasuredValue(value=0.2)


async def test_the_query_is_asked_with_its_time_limit_and_no_further_back_than_the_attempt(tmp_path: Path) -> None:
    paths = Paths({"/api/v1/query": says(VALUE)})
    async with FaultyServer(paths) as running:
        adapter = measurements(tmp_path, prometheus={"default": {"uri": f"http://127.0.0.1:{running.port}"}})
        await answer(adapter, query('x{v="{{ candidateVersion }}"}', seconds_ago=20.0))
        await answer(adapter, query("x", seconds_ago=3600.0))
    young, old = paths.asked
    assert (young["query"], young["timeout"]) == (['x{v="2"}'], ["10s"])
    assert float(young["lookback_delta"][0]) == pytest.approx(20.0, abs=5.0)
    assert "lookback_delta" not in old


async def test_headers_are_read_anew_from_their_files_and_shown_nowhere(tmp_path: Path) -> None:
    seen: list[str] = []

    async def denies(exchange: FaultyExchange) -> None:
        seen.append(exchange.request_headers.get("authorization", ""))
        await exchange.answer(b"", status=403)

    folder = tmp_path / "prometheus" / "default"
    folder.mkdir(parents=True)
    async with FaultyServer(Paths({"/api/v1/query": denies})) as running:
        adapter = measurements(tmp_path, prometheus={"default": {"uri": f"http://127.0.0.1:{running.port}"}})
        told = [await why(adapter, query("x"))]
        for token in ("Bearer old\n", "Bearer new\n", "two\nlines"):
            (folder / "Authorization").write_text(token)
            told.append(await why(adapter, query("x")))
    assert seen == ["", "Bearer old", "Bearer new"]
    assert "its Secret's key Authorization holds what no header can" in told[-1]
    assert not any("Bearer" in each or "two" in each for each in told)


# --- services that check


async def test_a_check_is_told_what_is_judged_and_its_answer_is_taken(tmp_path: Path) -> None:
    told: list[tuple[dict[str, Any], Mapping[str, str]]] = []

    async def passes(exchange: FaultyExchange) -> None:
        told.append((json.loads(exchange.request_body), exchange.request_headers))
        await exchange.answer(b'{"verdict": "pass", "message": "fine", "figures": {"p95": 0.2}}')

    async with FaultyServer({"/check": passes}) as running:
        uri = f"http://127.0.0.1:{running.port}/check"
        adapter = measurements(tmp_path, webhooks={"soak": {"uri": uri}}, allowUrls=True)
        expected = CheckVerdict(verdict=Verdict.PASS, message="fine", figures={"p95": 0.2})
        assert await answer(adapter, check(service="soak")) == expected
        assert await answer(adapter, check(url=uri, headersSecret="token"), Authorization="Bearer t") == expected
    (body, _), (again, headers) = told
    assert body["candidate"] == {"version": "2", "digest": "sha256:2", "revision": "rev2"}
    assert (body["step"]["weight"], body["id"]) == (25, "u/3/trial/webhook")
    assert again["id"] == body["id"]
    assert (headers["authorization"], headers["content-type"]) == ("Bearer t", "application/json")


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"silent", "drip"}))
async def test_an_answer_that_is_no_verdict_is_asked_for_once_and_says_nothing(tmp_path: Path, fault: str) -> None:
    async with FaultyServer({"/check": FAULTS[fault][0]}) as running:
        uri = f"http://127.0.0.1:{running.port}/check"
        told = await why(measurements(tmp_path, webhooks={"soak": {"uri": uri}}), check(service="soak"))
        assert told.startswith("service 'soak': ")
        assert running.requests == 1


async def test_a_check_that_hangs_is_given_up_when_its_time_is_over(tmp_path: Path) -> None:
    async with FaultyServer({"/check": FaultyExchange.silence}) as running:
        uri = f"http://127.0.0.1:{running.port}/check"
        adapter = measurements(tmp_path, webhooks={"soak": {"uri": uri}})
        assert "does not answer within 1 s" in await why(adapter, check(service="soak"))


def test_whom_the_administrator_lets_ask(tmp_path: Path) -> None:
    sources = {"default": {"uri": "http://p"}, "risk": {"uri": "http://r", "namespaces": ["risk"]}}
    adapter = measurements(tmp_path, prometheus=sources, webhooks={"soak": {"uri": "http://s"}})
    assert adapter.refusal(query("x").entry, "payments") == ""
    assert adapter.refusal(query("x", "risk").entry, "risk") == ""
    assert "'risk' is not among those defined for this namespace: default" in adapter.refusal(
        query("x", "risk").entry, "payments"
    )
    assert "'other' is not among those defined for this namespace: soak" in adapter.refusal(
        check(service="other").entry, "payments"
    )
    assert "measurements.allowUrls" in adapter.refusal(check(url="http://x/").entry, "payments")
    assert adapter.services() == {"prometheus/default", "prometheus/risk", "webhooks/soak"}


async def test_a_source_that_hangs_delays_no_check_and_each_answer_wakes_the_resource(tmp_path: Path) -> None:
    paths = Paths({"/api/v1/query": FaultyExchange.silence, "/check": says(b'{"verdict": "fail"}')})
    async with FaultyServer(paths) as running:
        host = f"http://127.0.0.1:{running.port}"
        adapter = measurements(
            tmp_path, prometheus={"default": {"uri": host}}, webhooks={"soak": {"uri": f"{host}/check"}}
        )
        woken: asyncio.Queue[ResourceKey] = asyncio.Queue()
        watch = MeasurementWatch(adapter, ScriptedMeasurements(), woken.put_nowait, now=lambda: datetime.now(UTC))
        work = asyncio.ensure_future(watch.run())
        asked: list[OutsideQuestion] = [query("x"), check(service="soak")]
        watch.follow(KEY, asked, 10.0)
        assert await asyncio.wait_for(woken.get(), 5) == KEY
        looks = watch.follow(KEY, asked, 10.0)
        assert {title: look.answer for title, look in looks.items()} == {"webhook": CheckVerdict(verdict=Verdict.FAIL)}
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
