"""Who takes part in a scenario: servers under load, and onnxruntime alone."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from typing import Protocol, Self

from bench.serving.load import LoadTarget, closed_loop, open_loop
from bench.serving.measured import Measured
from bench.serving.models import BenchModel
from bench.serving.places import BUILD, ROOT
from bench.serving.process import START_SECONDS, BenchProcess, cores, pinned
from bench.serving.scenarios import RAW, Scenario
from bench.serving.servers import Server, ServerReply, Settings, ask, free_port, settings_text

REFUSED_SECONDS = 10.0
"""How long a server may refuse a request that it shall answer."""


class Contestant(Protocol):
    """Anything with figures."""

    @property
    def name(self) -> str:
        """As the tables call it."""

    def measure(self, scenario: Scenario, seconds: int) -> Measured:
        """Run once."""

    def end(self) -> None:
        """Leave nothing running."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server that answers."""

    server: Server
    settings: Settings
    model: BenchModel
    port: int
    process: BenchProcess
    seconds_to_first_answer: float

    @classmethod
    def started(cls, server: Server, model: BenchModel, settings: Settings, *, everywhere: bool = False) -> Self:
        """Return when the first request was answered; `everywhere`: on all cores. Raises RuntimeError with its log."""
        command = server.command(model, port := free_port(), settings)
        log = BUILD / "logs" / f"{server.name}-{model.name}-{port}.log"
        began = time.monotonic()
        process = BenchProcess(command, None if everywhere else cores()[0], log, server.variables())
        running = cls(
            server=server, settings=settings, model=model, port=port, process=process, seconds_to_first_answer=0
        )
        try:
            running.wait_for_answer()
        except BaseException:
            process.end()
            raise
        object.__setattr__(running, "seconds_to_first_answer", time.monotonic() - began)
        return running

    @property
    def name(self) -> str:
        """The server's."""
        return self.server.name

    @property
    def url(self) -> str:
        """Where the model is asked."""
        return f"http://127.0.0.1:{self.port}{self.server.wires[self.model.name].path}"

    def ask(self, rows: int = 1) -> ServerReply:
        """Send one request. Raises OSError."""
        [example] = self.model.examples(1, rows)
        return ask(self.url, self.server.wires[self.model.name].encode(example))

    def wait_for_answer(self) -> None:
        """Ask until there is an answer; raises RuntimeError with the last refusal."""
        began = time.monotonic()
        while True:
            self.process.check()
            try:
                self.ask()
            except OSError as error:
                if time.monotonic() > began + (REFUSED_SECONDS if _refused(error) else START_SECONDS):
                    told = f"{self.name} with {settings_text(self.settings)} does not answer for {self.model.name}"
                    raise RuntimeError(f"{told}: {_said(error)}; its log is {self.process.log}") from error
                time.sleep(0.05)
            else:
                return

    def measure(self, scenario: Scenario, seconds: int) -> Measured:
        """Put the scenario's load on it."""
        encode, load_core = self.server.wires[scenario.model].encode, cores()[1]
        bodies = [encode(one) for one in self.model.examples(scenario.bodies, scenario.rows)]
        target = LoadTarget(url=self.url, bodies=bodies, folder=BUILD / "load" / f"{self.name}-{scenario.name}")
        self.process.check()
        if scenario.rate:
            run = open_loop(target, scenario.rate, seconds, load_core)
        else:
            run = closed_loop(target, scenario.connections, seconds, load_core)
        strays = [f"not on the server's core alone: {thread}" for thread in self.process.strays()]
        return replace(run, problems=(*run.problems, *strays))

    def end(self) -> None:
        """End its processes."""
        self.process.end()


def _refused(error: OSError) -> bool:
    """Whether the server runs and does not want this request; MLServer says so too while its model loads."""
    return 400 <= getattr(error, "code", 0) < 500  # noqa: PLR2004


def _said(error: OSError) -> str:
    content = error.read(300).decode(errors="replace") if hasattr(error, "read") else ""
    return f"{error} {content}".strip()


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """onnxruntime in a loop, one request's rows a run, on the server's core: no server is around it."""

    model: BenchModel
    name: str = RAW

    def measure(self, scenario: Scenario, seconds: int) -> Measured:
        """Run the loop in a process of its own."""
        options = [self.model.name, str(scenario.rows), str(scenario.bodies), str(seconds)]
        command = pinned(cores()[0], [sys.executable, "-m", "bench.serving.ceiling", *options])
        limit = seconds + START_SECONDS
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=limit, cwd=ROOT)  # noqa: S603
        found = json.loads(done.stdout)
        return Measured(requests=int(found["requests"]), seconds=found["seconds"], p50=found["p50"], p99=found["p99"])

    def end(self) -> None:
        """Nothing runs between two measurements."""
