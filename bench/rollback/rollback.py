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

from penstock_testing.api_proxy import ApiProxy
from penstock_testing.cluster import KubernetesCluster
from penstock_testing.faulty_models import failing
from penstock_testing.model_deployments import Deployed
from penstock_testing.platform import ROOT, Platform, applied_path, namespace
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.scenes import RolloutScene
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

    scene: RolloutScene
    seen: dict[tuple[str, int], float] = field(default_factory=dict)
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._pods = [pod["metadata"]["name"] for pod in self.scene.platform.pods("gateway")]
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(timeout=30)

    def _look(self) -> None:
        # Not by a kubectl for each question: three of them at a time took a whole core from what is measured.
        with ApiProxy(self.scene.platform.cluster) as api:
            while not self._end.wait(0.05):
                for pod in self._pods:
                    found = api.get(applied_path(pod, self.scene.namespace, "model"))["applied"]
                    if found:
                        self.seen.setdefault((pod, found["number"]), found["applied_at"])

    def times(self, number: int) -> list[float]:
        """Unix times at which gateway pods confirmed a split."""
        return [at for (_, seen), at in self.seen.items() if seen == number]


@dataclass(frozen=True, kw_only=True)
class Round:
    """Seconds from the first request that went to the candidate."""

    decided: float
    """Until the status that takes it back was seen here."""
    everywhere: float
    """Until the last gateway pod confirmed that none goes there."""

    @classmethod
    def of(cls, moments: list[Moment], acknowledged: Acknowledgements) -> "Round":
        """From what was seen in it."""
        back = next(index for index, moment in enumerate(moments) if moment.phase == "RollingBack")
        routed, zero = moments[back - 1].number, moments[back].number
        first = min(acknowledged.times(routed))
        return cls(decided=moments[back].at - first, everywhere=max(acknowledged.times(zero)) - first)


def wait_for_record(deployed: Deployed, attempt: int) -> None:
    """Until that attempt has ended."""
    deployed.wait_until(f"end of attempt {attempt}", lambda status: status["history"][0]["attempt"] == attempt)


def rounds(scene: RolloutScene) -> list[Round]:
    """One after the other, under one load."""
    deployed, first = scene.serve_first(**canary(weight(SHARE), pause(600)), **GATED, predictor={"timeout": "3s"})
    bad = scene.register(failing(2.0))
    taken: list[Round] = []
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
            taken.append(Round.of(timeline.moments[begun:], acknowledged))
            one = taken[-1]
            print(
                f"round {number + 1:2d} of {ROUNDS}: {one.everywhere:.2f} s, decided after {one.decided:.2f} s",
                flush=True,
            )
        result = run.result()
    print(f"users: {result.describe()}")
    result.assert_none_failed()
    return taken


def main() -> int:
    """Print the rounds, median and worst; 1 when the worst is beyond the bound."""
    platform = Platform(KubernetesCluster.from_environment())
    platform.install_mlflow()
    platform.install()
    platform.wait_for_mlflow()
    users = f"bench-{uuid4().hex[:6]}"
    platform.cluster.apply(namespace(users))
    with tempfile.TemporaryDirectory() as folder:
        registry = RegisteredModels(platform.mlflow().url)
        found = rounds(RolloutScene(platform=platform, registry=registry, namespace=users, folder=Path(folder)))
    platform.cluster.kubectl("delete", "namespace", users, "--wait=false")
    taken = [one.everywhere for one in found]
    facts = {
        "seconds": [round(each, 3) for each in taken],
        "decided": [round(one.decided, 3) for one in found],
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
