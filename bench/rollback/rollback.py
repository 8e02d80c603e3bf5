# ruff: noqa: INP001, T201
"""From the first failure of a candidate to weight 0 acknowledged by every gateway pod. `make bench-rollback`.

Each round: version 1 serves, version 2 answers 500 to every user, at 20 % of the requests. The clock starts when the
first gateway pod sends it requests, and ends when the last gateway pod has confirmed that it sends none: both are the
gateway agents' own times. The bound is one analysis interval and a second.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from uuid import uuid4

from penstock_testing.cluster import Cluster
from penstock_testing.faulty_models import failing
from penstock_testing.model_deployments import Deployed
from penstock_testing.platform import ROOT, Platform, namespace
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.scenes import Scene
from penstock_testing.strategies import GATED, canary, pause, weight
from penstock_testing.timeline import Moment, Timeline

ROUNDS = int(os.environ.get("ROUNDS", "20"))
RATE = 200.0
INTERVAL = 1.0
SHARE = 20
BOUND = INTERVAL + 1.0


@dataclass
class Acknowledgements:
    """Which gateway pod confirmed which traffic split when, looked at all the time."""

    scene: Scene
    seen: dict[tuple[str, int], float] = field(default_factory=dict)
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(timeout=30)

    def _look(self) -> None:
        while not self._end.wait(0.1):
            for pod in self.scene.platform.acknowledged(self.scene.namespace, "model"):
                self.seen.setdefault((pod.pod, pod.number), pod.applied_at)

    def times(self, number: int) -> list[float]:
        """Unix times at which gateway pods confirmed a split."""
        return [at for (_, seen), at in self.seen.items() if seen == number]


def taken_back_after(moments: list[Moment], acknowledged: Acknowledgements) -> float:
    """Seconds of one round, from what was seen in it."""
    back = next(index for index, moment in enumerate(moments) if moment.phase == "RollingBack")
    routed, zero = moments[back - 1].number, moments[back].number
    return max(acknowledged.times(zero)) - min(acknowledged.times(routed))


def wait_for_record(deployed: Deployed, attempt: int) -> None:
    """Until that attempt has ended."""
    deployed.wait_until(f"end of attempt {attempt}", lambda status: status["history"][0]["attempt"] == attempt)


def rounds(scene: Scene) -> list[float]:
    """Seconds of each round."""
    deployed, first = scene.serve_first(**canary(weight(SHARE), pause(600)), **GATED, predictor={"timeout": "3s"})
    bad = scene.register(failing(2.0))
    taken: list[float] = []
    with (
        scene.traffic(scene.expectation(first, bad, silent_below={bad: 1.0}), rate=RATE, seconds=1500) as run,
        Timeline(deployed) as timeline,
        Acknowledgements(scene) as acknowledged,
    ):
        scene.move(bad)
        for number in range(ROUNDS):
            begun = len(timeline.moments)
            deployed.edit(revisionHistoryLimit=5 + number % 2)  # a new generation: the refused version is tried again
            wait_for_record(deployed, attempt=number + 2)
            deployed.wait_settled()
            taken.append(taken_back_after(timeline.moments[begun:], acknowledged))
            print(f"round {number + 1:2d} of {ROUNDS}: {taken[-1]:.2f} s", flush=True)
        result = run.result()
    print(f"users: {result.describe()}")
    result.assert_none_failed()
    return taken


def main() -> int:
    """Print the rounds, median and worst; 1 when the worst is beyond the bound."""
    platform = Platform(Cluster.from_environment())
    platform.install_mlflow()
    platform.install()
    platform.wait_for_mlflow()
    users = f"bench-{uuid4().hex[:6]}"
    platform.cluster.apply(namespace(users))
    with tempfile.TemporaryDirectory() as folder:
        registry = RegisteredModels(platform.mlflow().url)
        taken = rounds(Scene(platform=platform, registry=registry, namespace=users, folder=Path(folder)))
    platform.cluster.kubectl("delete", "namespace", users, "--wait=false")
    facts = {
        "seconds": [round(each, 3) for each in taken],
        "median": round(statistics.median(taken), 3),
        "worst": round(max(taken), 3),
        "bound": BOUND,
    }
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "bench-rollback.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(
        f"first failure to weight 0 everywhere: median {facts['median']} s, worst {facts['worst']} s, bound {BOUND} s"
    )
    return 0 if max(taken) <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
