"""What prediction records cost: ours with every request recorded, beside ours without, in turns on one core.

`make bench-records`, some two minutes. Whoever takes the batches answers 204 and keeps nothing, on the load's core: on
two cores a drift monitor would be measured too. Lost rows are counted by the predictor, and told.
"""

import os
import re
import socketserver
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

from bench.gateway.spread import Spread
from bench.serving.contestants import Running
from bench.serving.models import models
from bench.serving.scenarios import SCENARIOS, Scenario
from bench.serving.servers import OURS, SERVERS, Ours
from bench.serving.serving import prepare

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("SECONDS", "4"))
WANTED = ("c64", "c8", "c1", "rows32")


class _Takes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's word
        """Say nothing."""


@contextmanager
def taker() -> Iterator[int]:
    """A port at which batches are taken and forgotten."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Takes) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@dataclass(frozen=True, kw_only=True)
class OursWithRecords(Ours):
    """Ours, with records on."""

    port: int

    def variables(self) -> Mapping[str, str]:
        """Return the image's ENV, and where records go."""
        told = {"URL": f"http://127.0.0.1:{self.port}", "NAMESPACE": "bench", "NAME": "bench"}
        digest = {"PENSTOCK_MODEL_VERSION": "1"}
        return {**super().variables(), **digest, **{f"PENSTOCK_RECORDS_{name}": value for name, value in told.items()}}


def measure(scenario: Scenario, port: int) -> tuple[list[float], list[float], str]:
    """Return requests a second without records, the ratios with them, and what became of the rows."""
    [plain] = [one for one in SERVERS if one.name == OURS]
    recording = OursWithRecords(name="records", wires=plain.wires, port=port)
    model = models()[scenario.model]
    without, ratios = [], []
    both = [Running.started(server, model, {}) for server in (plain, recording)]
    try:
        for running in both:
            running.measure(scenario, 1)
        for number in range(ROUNDS):
            order = both if number % 2 == 0 else both[::-1]
            runs = {running.name: running.measure(scenario, SECONDS) for running in order}
            if problems := [problem for run in runs.values() for problem in run.problems]:
                raise RuntimeError(f"{scenario.name}: {'; '.join(problems)}")
            without.append(runs[OURS].per_second)
            ratios.append(runs["records"].per_second / runs[OURS].per_second)
        told = _told(both[1].port)
    finally:
        for running in both:
            running.end()
    return without, ratios, told


def _told(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode()
    found = {}
    for name in ("sent", "dropped"):
        series = rf"^penstock_predictor_records_{name}_total\S* (\S+)$"
        found[name] = sum(map(float, re.findall(series, lines, re.MULTILINE)))
    return f"{found['sent']:,.0f} rows sent, {found['dropped']:,.0f} dropped"


def main() -> None:
    """Print a line for each scenario."""
    prepare(())
    with taker() as port:
        for scenario in (one for one in SCENARIOS if one.name in WANTED):
            without, ratios, told = measure(scenario, port)
            print(
                f"{scenario.meaning}: {Spread.of(without)} requests a second without records; with them "
                f"{Spread.of(ratios)} times as many; {told}",
                flush=True,
            )


if __name__ == "__main__":
    main()
