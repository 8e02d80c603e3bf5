"""Ends of attempts, drawn by worker processes and kept in a file: a run that was cut short goes on where it stopped."""

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bench.verdicts.attempts import run
from bench.verdicts.cells import VerdictCell
from bench.verdicts.product import RolloutPlan
from bench.verdicts.rivals import RIVALS
from bench.verdicts.traces import Scene

RESULTS = Path("build/bench-verdicts.jsonl")
OURS = "Penstock"
RIVAL_NAMES = tuple(rival.name for rival in RIVALS)
BATCH = 20
_ROOT = Path(__file__).parents[2]
_TRACES = ("bench/verdicts/traces.py",)
_SOURCES = {
    False: (*_TRACES, "bench/verdicts/rivals.py"),
    True: (
        *_TRACES,
        "bench/verdicts/attempts.py",
        "bench/verdicts/product.py",
        "controller/src/penstock_controller/analysis/*.py",
        "controller/src/penstock_controller/gates/*.py",
        "controller/src/penstock_controller/rollout/*.py",
        "contracts/src/penstock_contracts/api/analysis.py",
        "contracts/src/penstock_contracts/api/strategy.py",
        "contracts/src/penstock_contracts/api/v1alpha1.py",
    ),
}


@dataclass(frozen=True, kw_only=True)
class CellEnd:
    """How an attempt ended, ours or a rival's."""

    end: str
    seconds: float
    tries: int
    """Of the candidate until the verdict, or the promotion."""
    failures: int
    """Of these, the failed ones."""


Ends = Sequence[CellEnd]


def _ends(scene: Scene, who: str, first: int, number: int) -> list[CellEnd]:
    """Attempts with the seeds from `first` on."""
    plan, found = _plan(sticky=scene.sticky, pods=scene.pods), []
    rivals = {rival.name: rival for rival in RIVALS}
    for seed in range(first, first + number):
        trace = scene.trace(seed)
        ended = run(plan, trace) if who == OURS else rivals[who].run(trace)
        told = CellEnd(end=str(ended.end), seconds=ended.seconds, tries=ended.tries, failures=ended.failures)
        found.append(told)
    return found


@cache
def _plan(*, sticky: bool, pods: int) -> RolloutPlan:
    return RolloutPlan.of(sticky=sticky, replicas=pods)


@cache
def _code(*, ours: bool) -> str:
    """What the results follow from: with other code they are drawn anew."""
    paths = sorted(path for pattern in _SOURCES[ours] for path in _ROOT.glob(pattern))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


@dataclass
class DrawnEnds:
    """By cell and by who decides, in the order of seeds."""

    file: Path = RESULTS
    _known: dict[tuple[str, str], dict[int, list[CellEnd]]] = field(default_factory=lambda: defaultdict(dict))

    def load(self) -> None:
        """Take up what an earlier run with the same code left."""
        if not self.file.exists():
            return
        kept = [line for line in self.file.read_text().splitlines() if self._take(line)]
        self.file.write_text("".join(f"{line}\n" for line in kept))

    def _take(self, line: str) -> bool:
        try:
            batch = json.loads(line)
        except ValueError:  # cut off by a kill
            return False
        if batch["code"] != _code(ours=batch["who"] == OURS):
            return False
        ends = [CellEnd(end=end, seconds=time, tries=tries, failures=bad) for end, time, tries, bad in batch["ends"]]
        self._known[batch["scene"], batch["who"]][batch["first"]] = ends
        return True

    def draw(self, wanted: Iterable[tuple[VerdictCell, str]], attempts: int, workers: int) -> Iterator[str]:
        """Draw what is missing; tells now and then how far it is."""
        batches = [
            (cell.scene, who, first)
            for first in range(0, attempts, BATCH)
            for cell, who in wanted
            if first not in self._known[repr(cell.scene), who]
        ]
        begun, told = time.monotonic(), 0.0
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor(workers) as pool, self.file.open("a") as file:
            futures: dict[Future[list[CellEnd]], tuple[Scene, str, int]] = {
                pool.submit(_ends, *batch, BATCH): batch for batch in batches
            }
            for number, future in enumerate(as_completed(futures), 1):
                self._add(*futures[future], future.result())
                file.write(self._line(*futures[future], future.result()))
                file.flush()
                spent = time.monotonic() - begun
                if spent - told >= 10 or number == len(batches):  # noqa: PLR2004
                    told = spent
                    left = spent / number * (len(batches) - number)
                    yield f"{number} of {len(batches)} batches of {BATCH}, {spent:.0f} s, about {left:.0f} s to go"

    def _add(self, scene: Scene, who: str, first: int, ends: list[CellEnd]) -> None:
        self._known[repr(scene), who][first] = ends

    def _line(self, scene: Scene, who: str, first: int, ends: list[CellEnd]) -> str:
        told = [[end.end, end.seconds, end.tries, end.failures] for end in ends]
        batch = {"code": _code(ours=who == OURS), "scene": repr(scene), "who": who, "first": first, "ends": told}
        return json.dumps(batch) + "\n"

    def ends(self, cell: VerdictCell, who: str, attempts: int) -> Ends:
        """Of so many attempts, or of as many as there are."""
        batches = self._known[repr(cell.scene), who]
        return [end for first in sorted(batches) for end in batches[first]][:attempts]
