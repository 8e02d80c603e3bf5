"""A candidate answers recorded requests. Monitor, predictors and Envoy are the real ones, each a process of its own."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from penstock_contracts.base import evolve
from penstock_contracts.divergence import DivergenceReport, DivergenceWish, ReplayProblem, ReplayReport, ReplayWish
from penstock_contracts.drift import ServedVersion
from penstock_contracts.names import HEADER_REQUEST_ID
from penstock_contracts.traffic import Backend, TrafficSplit
from penstock_gateway.api_server.snapshot import Endpoint
from penstock_testing.gateway.objects import NAME, NAMESPACE
from penstock_testing.gateway.rig import GatewayRig
from penstock_testing.gateway.server import Behaviour

from ..predictor.conftest import PredictorProcess, write_scaled  # noqa: TID252 - predictors answer here, too
from .conftest import Monitor, StartMonitor

REQUESTS = 40
WAIT_SECONDS = 60.0
SECONDS = 2.0
STABLE, CANDIDATE = "stable", "candidate"
Holds = Callable[[DivergenceReport, ReplayReport], bool]


@dataclass
class Replaying:
    """The parts that a replay needs, before any of them is told to."""

    rig: GatewayRig
    folder: Path
    start: Callable[..., Monitor]
    processes: list[PredictorProcess] = field(default_factory=list)
    versions: dict[str, ServedVersion] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.monitor = self.start_monitor()

    def start_monitor(self, **settings: str) -> Monitor:
        """It knows the gateway's port for replays."""
        return self.start(replay_url=f"http://127.0.0.1:{self.rig.settings.replay_port}", **settings)

    def predictor(self, revision: str, version: str, factor: float, **settings: object) -> str:
        """A pod of a version that answers `y = factor * x`; answers its address."""
        folder = self.folder / revision
        folder.mkdir()
        card = write_scaled(folder, factor=factor, golden_factor=factor)
        environment = {
            "LISTEN_HOST": "127.0.0.1",
            "LISTEN_PORT": "0",
            "GRPC_PORT": "0",
            "MODEL_DIR": folder,
            "MODEL_NAME": NAME,
            "MODEL_VERSION": version,
            "MODEL_DIGEST": card.digest,
            "TERMINATION_LOG": folder / "absent" / "log",
            "RECORDS_URL": f"http://127.0.0.1:{self.monitor.port}",
            "RECORDS_NAMESPACE": NAMESPACE,
            "RECORDS_NAME": NAME,
            "RECORDS_REVISION": revision,
            **settings,
        }
        told = {f"PENSTOCK_{name}": str(value) for name, value in environment.items()}
        process = PredictorProcess("serve", environment=told)
        self.processes.append(process)
        url = process.ready()
        self.versions[revision] = ServedVersion(version=version, digest=card.digest, revision=revision)
        self.endpoints[revision] = Endpoint("127.0.0.1", urlsplit(url).port or 0)
        return url

    async def known_to_the_gateway(self) -> None:
        """Users reach stable alone."""
        backends = (Backend(revision=STABLE, weight=100), Backend(revision=CANDIDATE, weight=0))
        split = TrafficSplit(number=1, backends=backends, rescue=STABLE)
        await self.rig.apply_split(split, {name: [endpoint] for name, endpoint in self.endpoints.items()})

    def wish(self, **replay: Any) -> DivergenceWish:
        """To compare both, with a replay at 200 requests a second, or as `replay` says."""
        asked = {"test": "max 1%", "max_requests": 1000, "per_second": 200, "timeout_seconds": SECONDS}
        return DivergenceWish(
            attempt=1,
            candidate=self.versions[CANDIDATE],
            stable=self.versions[STABLE],
            scale=1.0,
            replay=ReplayWish(**{**asked, "lapse_seconds": 60, **replay}),
        )

    def compare(self, wish: DivergenceWish) -> DivergenceReport:
        answer = self.monitor.client.put(f"/v1/divergence/{NAMESPACE}/{NAME}", json=wish.model_dump(mode="json"))
        assert answer.status_code == httpx.codes.OK, answer.text
        return DivergenceReport.model_validate_json(answer.content)

    async def until(
        self, wish: DivergenceWish, holds: Callable[[DivergenceReport, ReplayReport], bool]
    ) -> ReplayReport:
        """Ask as the controller does until something holds."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                report = await asyncio.to_thread(self.compare, wish)
                if report.replay is not None and holds(report, report.replay):
                    return report.replay
                await asyncio.sleep(0.1)

    async def recorded(self, url: str, requests: int = REQUESTS) -> None:
        """Users' requests at stable, each with another input and two rows, and their records at the monitor."""
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            for number in range(requests):
                rows = [number, 0.1, np.float32(number / 3).item(), -1.0]
                x = {"name": "x", "datatype": "FP32", "shape": [2, 2], "data": rows}
                told = {HEADER_REQUEST_ID: f"user-{number}"}
                answer = await client.post(f"/v2/models/{NAME}/infer", json={"inputs": [x]}, headers=told)
                assert answer.status_code == httpx.codes.OK, answer.text
        async with asyncio.timeout(WAIT_SECONDS):
            while 2 * requests not in await asyncio.to_thread(self.rows):  # noqa: ASYNC110 - as a scraper looks
                await asyncio.sleep(0.1)

    def rows(self) -> set[float]:
        """Rows that came, by resource."""
        text = self.monitor.client.get("/metrics").text
        return {float(line.split()[-1]) for line in text.splitlines() if line.startswith("penstock_monitor_rows_total")}


@pytest.fixture
async def parts(tmp_path: Path, start_monitor: StartMonitor) -> AsyncIterator[Replaying]:
    async with GatewayRig(tmp_path) as rig:
        replaying = Replaying(rig, tmp_path, start_monitor)
        try:
            yield replaying
        finally:
            for each in replaying.processes:
                each.process.kill()
                each.process.wait()


def over(_: DivergenceReport, replay: ReplayReport) -> bool:
    return replay.over


async def test_a_candidate_answers_what_was_recorded_and_every_row_makes_a_pair(parts: Replaying) -> None:
    await parts.recorded(parts.predictor(STABLE, "1", 3))
    parts.predictor(CANDIDATE, "2", 3.5)
    await parts.known_to_the_gateway()
    wish = parts.wish()
    found = await parts.until(wish, over)
    assert (found.chosen, found.answered, found.failed, found.problem) == (REQUESTS, REQUESTS, 0, "")
    report = parts.compare(wish)
    assert (report.recorded, report.candidate_rows, report.scored) == (REQUESTS, 2 * REQUESTS, 2 * REQUESTS)
    # Of the last column, which is 0.1 and -1 by turns, half of a value lies between both versions' answers.
    assert report.total_difference == pytest.approx(REQUESTS * (0.05 + 0.5), rel=1e-5)
    assert await parts.rig.evidence(1) == {}


async def test_after_a_kill_it_goes_on_and_every_row_counts_once(parts: Replaying) -> None:
    await parts.recorded(parts.predictor(STABLE, "1", 3))
    parts.predictor(CANDIDATE, "2", 3)
    await parts.known_to_the_gateway()
    wish = parts.wish(per_second=20)
    for least in (5, 15):
        await parts.until(wish, lambda _, replay, least=least: replay.answered >= least)  # type: ignore[misc]  # mypy has no types for a lambda's default
        parts.monitor.stop(signal.SIGKILL)
        parts.monitor = parts.start_monitor(port=str(parts.monitor.port))
    found = await parts.until(wish, over)
    assert (found.chosen, found.answered) == (REQUESTS, REQUESTS)
    report = parts.compare(wish)
    assert (report.recorded, report.scored + report.repeated, report.total_difference) == (REQUESTS, 2 * REQUESTS, 0)


async def test_what_fails_is_told_with_its_status_and_what_is_busy_is_asked_again(parts: Replaying) -> None:
    await parts.recorded(parts.predictor(STABLE, "1", 3), requests=6)
    parts.predictor(CANDIDATE, "2", 3)
    server = await parts.rig.server(CANDIDATE)
    server.behave(Behaviour(status=503))
    parts.endpoints[CANDIDATE] = server.endpoint
    await parts.known_to_the_gateway()
    wish = parts.wish()
    await parts.until(wish, lambda *_: len(server.seen) >= 2)
    assert parts.compare(wish).replay == ReplayReport(chosen=6)
    server.behave(Behaviour(status=500))
    found = await parts.until(wish, over)
    assert (found.failed, found.failures, found.answered) == (6, {"500": 6}, 0)


async def test_what_gets_no_answer_failed_after_three_tries(parts: Replaying) -> None:
    await parts.recorded(parts.predictor(STABLE, "1", 3), requests=2)
    parts.predictor(CANDIDATE, "2", 3)
    server = await parts.rig.server(CANDIDATE)
    server.behave(Behaviour(hangs=True))
    parts.endpoints[CANDIDATE] = server.endpoint
    await parts.known_to_the_gateway()
    found = await parts.until(parts.wish(timeout_seconds=0.1), over)
    assert found.failures == {"no answer": 2}
    assert len(server.seen) == 6


async def test_pods_that_are_not_there_yet_are_waited_for(parts: Replaying) -> None:
    await parts.recorded(parts.predictor(STABLE, "1", 3))
    parts.predictor(CANDIDATE, "2", 3)
    wish = parts.wish()
    found = await parts.until(wish, lambda _, replay: replay.problem != "")
    assert (found.problem, found.failed) == (ReplayProblem.REPLAY_NOT_REACHED, 0)
    assert "reaches no pod" in found.message
    await parts.known_to_the_gateway()
    found = await parts.until(wish, over)
    assert (found.answered, found.problem) == (REQUESTS, "")


async def test_a_column_that_is_hashed_leaves_nothing_to_ask_again(parts: Replaying) -> None:
    url = parts.predictor(STABLE, "1", 3, RECORDS_HASH="x[1]")
    await parts.recorded(url)
    parts.predictor(CANDIDATE, "2", 3)
    await parts.known_to_the_gateway()
    found = await parts.until(parts.wish(), over)
    assert (found.chosen, found.problem) == (0, ReplayProblem.COLUMNS_NOT_RECORDED)


async def test_when_nobody_wants_it_any_more_the_candidate_is_asked_nothing_more(parts: Replaying) -> None:
    await parts.recorded(parts.predictor(STABLE, "1", 3))
    parts.predictor(CANDIDATE, "2", 3)
    server = await parts.rig.server(CANDIDATE)
    parts.endpoints[CANDIDATE] = server.endpoint
    await parts.known_to_the_gateway()
    wish = parts.wish(per_second=10)
    await parts.until(wish, lambda *_: len(server.seen) >= 3)
    assert parts.compare(evolve(wish, replay=None)).pairs == 0
    await asyncio.sleep(0.2)  # what was under way
    seen = len(server.seen)
    await asyncio.sleep(0.5)
    assert len(server.seen) == seen < REQUESTS


async def test_a_wish_that_is_not_repeated_lapses(parts: Replaying) -> None:
    await parts.recorded(parts.predictor(STABLE, "1", 3))
    parts.predictor(CANDIDATE, "2", 3)
    server = await parts.rig.server(CANDIDATE)
    parts.endpoints[CANDIDATE] = server.endpoint
    await parts.known_to_the_gateway()
    parts.compare(parts.wish(per_second=10, lapse_seconds=0.5))
    await asyncio.sleep(1.5)
    assert 0 < len(server.seen) < REQUESTS / 2


async def test_without_the_address_of_a_gateway_that_is_told(start_monitor: StartMonitor) -> None:
    monitor = start_monitor()
    stable, candidate = (ServedVersion(version=name, digest=f"sha256:{name}", revision=name) for name in "12")
    asked = ReplayWish(test="", max_requests=1, per_second=1, timeout_seconds=1, lapse_seconds=60)
    wish = DivergenceWish(attempt=1, candidate=candidate, stable=stable, replay=asked)
    answer = monitor.client.put("/v1/divergence/shop/fraud", json=wish.model_dump(mode="json"))
    found = DivergenceReport.model_validate_json(answer.content).replay
    assert found is not None
    assert found.problem == ReplayProblem.REPLAY_NOT_REACHED
    assert "PENSTOCK_REPLAY_URL" in found.message
