"""Everything that a bench of look-ups runs: Feast with SQLite and with Redis, predictors, and what is beside one."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx

from fraud_detection.data import FEATURES, labelled
from fraud_detection.history import CARD, GIVEN, USER, history
from penstock_contracts.features import FeatureLookup
from penstock_testing.example_version import write_example_version
from penstock_testing.feast_repository import REDIS, FeastRepository, RedisServer
from penstock_testing.plan import PlannedRequest, TrafficPlan
from penstock_testing.schedule import Arrivals
from penstock_testing.traffic import TrafficRun

HOST = "127.0.0.1"
DAYS = 4
QUESTIONS = 500
WAIT_SECONDS = 120
PATIENCE = {"features_timeout_seconds": "1"}
"""So long that each request has its values: the look-up is measured, not the default that stands in for it."""
NONE, WHOLE, SQLITE_WAY, REDIS_WAY, BESIDE = WAYS = ("none", "whole", "sqlite", "redis", "beside")
"""Ways of a request."""


class AnyAnswer:
    """Every 200 is an answer: what it says, tests compare."""

    def attribute(self, question: int, body: str) -> str | None:  # noqa: ARG002 - the port's
        """The one version."""
        return "1" if "probability" in body else None


class ProcessUse:
    """What a process has taken so far."""

    def __init__(self, pid: int) -> None:
        self._stat = Path(f"/proc/{pid}/stat")
        self._status = Path(f"/proc/{pid}/status")

    def cpu_seconds(self) -> float:
        """Of its threads, since its start."""
        fields = self._stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        """Memory that it holds."""
        line = next(line for line in self._status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


class FeatureStand:
    """Its context ends all that it started."""

    def __init__(self, folder: Path, rate: float) -> None:
        self._folder = folder
        self._rate = rate
        self._stack = ExitStack()
        self.ports: dict[str, int] = {}
        self.processes: dict[str, Sequence[ProcessUse]] = {}

    def __enter__(self) -> Self:
        """Start everything. It takes a minute: Feast's command is slow."""
        past = history(5000, seed=1, until=datetime.now(UTC), users=400, days=DAYS)
        sqlite = FeastRepository(self._folder / "sqlite", past)
        redis = RedisServer(self._folder)
        self._stack.callback(redis.end)
        in_redis = FeastRepository(self._folder / "redis", past, configuration=REDIS, redis=redis.address)
        for repository in (sqlite, in_redis):
            repository.bring_online(datetime.now(UTC) - timedelta(days=DAYS + 2), datetime.now(UTC))
        _, lookup, _ = sqlite.training_set()
        version = write_example_version(self._folder / "version", FeatureLookup.model_validate(lookup))
        urls = {SQLITE_WAY: self._stack.enter_context(sqlite.serving("--max-requests", "0"))}
        urls[REDIS_WAY] = self._stack.enter_context(in_redis.serving("--max-requests", "0"))
        self._predictor(NONE, version)
        for way, url in urls.items():
            self._predictor(way, version, features_url=url, **PATIENCE)
        self.ports[WHOLE], self.processes[WHOLE] = self.ports[SQLITE_WAY], self.processes[SQLITE_WAY]
        self._beside(version, urls[REDIS_WAY])
        self._rows = rows_of(past.transactions.tail(QUESTIONS))
        drawn = labelled(QUESTIONS, seed=9)[list(FEATURES)]
        self._whole: list[dict[str, Any]] = json.loads(drawn.to_json(orient="records"))
        return self

    def __exit__(self, *exception: object) -> None:
        """End them."""
        self._stack.close()

    def traffic(self, way: str, seconds: float) -> TrafficRun:
        """Requests of one way, as many users send them, not yet started."""
        rows = self._whole if way in (NONE, WHOLE) else self._rows
        plan = TrafficPlan(
            host=HOST,
            port=self.ports[way],
            requests=tuple(PlannedRequest(path="/predict", body=json.dumps({"features": row})) for row in rows),
            rate=self._rate,
            seconds=seconds,
            arrivals=Arrivals.POISSON,
            connection_seconds=600,  # a new connection is not what is measured
            recording=self._folder / "recording.jsonl",
        )
        return TrafficRun(plan, AnyAnswer())

    def scraped(self, way: str, series: str) -> float:
        """The sum of a series of the predictor's."""
        text = httpx.get(f"http://{HOST}:{self.ports[way]}/metrics", timeout=30, trust_env=False).text
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(series))

    def _predictor(self, way: str, version: Path, **settings: str) -> None:
        chosen = {"model_dir": str(version), "grpc_port": "0"} | settings
        self.processes[way] = [self._start(way, [sys.executable, "-m", "penstock_predictor"], chosen)]
        _wait(f"http://{HOST}:{self.ports[way]}/v2/health/ready")

    def _beside(self, version: Path, feast: str) -> None:
        """A predictor without look-ups, and what completes rows before it."""
        command = [sys.executable, "-m", "bench.features.sidecar", str(version), str(self.ports[NONE])]
        mine = self._start(BESIDE, command, {"features_url": feast, **PATIENCE})
        self.processes[BESIDE] = [mine, *self.processes[NONE]]
        _wait_for_port(self.ports[BESIDE])

    def _start(self, way: str, command: list[str], settings: Mapping[str, str]) -> ProcessUse:
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.ports[way] = free.getsockname()[1]
        named = {"listen_host": HOST, "listen_port": str(self.ports[way]), "termination_log": str(self._folder / way)}
        environment = {f"PENSTOCK_{name.upper()}": value for name, value in {**named, **settings}.items()}
        with (self._folder / f"{way}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603
                command, env=os.environ | environment, stdout=log, stderr=subprocess.STDOUT
            )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return ProcessUse(process.pid)


def rows_of(transactions: Any) -> list[dict[str, Any]]:
    """As callers send them: keys, and what is known of the transaction itself."""
    rows: list[dict[str, Any]] = json.loads(transactions[[USER, CARD, *GIVEN]].to_json(orient="records"))
    return rows


def _wait(url: str) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        try:
            if httpx.get(url, timeout=5, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} is not ready after {WAIT_SECONDS} s")


def _wait_for_port(port: int) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens on {port} after {WAIT_SECONDS} s")
