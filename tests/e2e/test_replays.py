"""A service that nobody asks any more: a new version is judged by what was recorded while somebody did."""

import re
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Self

import httpx
import pytest

from penstock_testing.artifacts import affine
from penstock_testing.cluster import Object
from penstock_testing.expectation import Question
from penstock_testing.faulty_models import SLOPE, Build
from penstock_testing.model_deployments import gate_figures
from penstock_testing.platform import wait_for
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import canary, pause, weight

REQUESTS = 600
GATE: Object = {"name": "prediction-divergence", "compare": "Scores", "scale": 1, "max": "1%"}
SPEC: Object = {
    "predictor": {"minReplicas": 1, "logger": {"mode": "all"}},
    "analysis": {"interval": "1s", "gates": [GATE]},
    "bake": {"duration": "0s"},
    **canary({"setReplay": {"maxRequests": REQUESTS, "rate": 50}}, pause(1), weight(50), pause(1)),
}


def recorded(scene: RolloutScene) -> float:
    """Rows of the resource that the drift monitor has."""
    text = httpx.get(f"{scene.platform.monitor().url}/metrics", trust_env=False).text
    found = re.search(rf'penstock_monitor_rows_total{{.*namespace="{scene.namespace}".*}} (.+)', text)
    return float(found[1]) if found else 0.0


@dataclass
class FewUsers:
    """One request a second while the context lasts: too few for any driver, and for any gate."""

    gateway: str
    questions: Sequence[Question]
    intercepts: list[float] = field(default_factory=list)
    """Of the versions that answered."""
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._executor = ThreadPoolExecutor(1)
        self._asking = self._executor.submit(self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        """Raises what a request failed with."""
        self._end.set()
        self._executor.shutdown()
        self._asking.result()

    def _ask(self) -> None:
        with httpx.Client(base_url=self.gateway, trust_env=False) as user:
            for question in cycle(self.questions):
                answer = asked(user, question)["outputs"][0]["data"]
                self.intercepts.append(round(answer[0] - SLOPE * float(question.feed["x"][0, 0]), 4))
                if self._end.wait(1):
                    return


def asked(user: httpx.Client, question: Question) -> dict[str, Any]:
    planned = question.request
    answer = user.post(planned.path, content=planned.body, headers={"content-type": "application/json"})
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def ask_once(scene: RolloutScene, questions: Sequence[Question]) -> None:
    """Each question, one after the other, and then nobody asks any more; all of them are recorded."""
    with httpx.Client(base_url=scene.platform.gateway().url, trust_env=False) as user:
        for question in questions:
            asked(user, question)
    wait_for("all is recorded", lambda: recorded(scene) >= len(questions) or None, seconds=60)


@pytest.mark.parametrize(
    ("build", "end", "verdict"),
    [
        pytest.param(affine(SLOPE, 2.0), ("RolledBack", "GateFailed"), "fail", id="wrong"),
        pytest.param(affine(SLOPE, 1.001), ("Promoted", "Promoted"), "pass", id="as good"),
    ],
)
def test_a_version_is_judged_by_recorded_requests_before_any_user_reaches_it(
    scene: RolloutScene, build: Build, end: tuple[str, str], verdict: str
) -> None:
    deployed, _ = scene.serve_first(**SPEC)
    questions = scene.questions(count=REQUESTS)
    ask_once(scene, questions)
    second = scene.register(build)
    with FewUsers(scene.platform.gateway().url, questions[:5]) as users:
        scene.move(second)
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
    print(record["startedAt"], record["endedAt"], record["message"], len(users.intercepts), "requests of users")
    assert (record["completion"], record["reason"]) == end
    (gate,) = (one for one in record["gates"] if one["name"] == GATE["name"] and one["stage"] == "trial")
    assert gate["verdict"] == verdict
    figures = gate_figures(gate)
    number = figures["recorded requests"]
    assert re.search(rf"predictions differ by .* on {number} recorded requests: ", gate["message"])
    assert 5 <= number == figures["pairs"] <= REQUESTS, "nothing was copied: every pair is of a recorded request"
    assert deployed.condition("ReplayAvailable")["status"] == "True"
    assert users.intercepts, "nobody asked"
    if verdict == "fail":
        assert set(users.intercepts) == {1.0}
        assert record["message"].startswith("prediction-divergence: ")


def test_where_a_column_is_hashed_nothing_is_replayed_and_a_condition_says_so(scene: RolloutScene) -> None:
    hashed: Object = {"minReplicas": 1, "logger": {"mode": "all", "hash": ["a"]}}
    deployed, _ = scene.serve_first(**{**SPEC, "predictor": hashed, "progressDeadline": "20s"})
    assert deployed.condition("ReplayAvailable")["reason"] == "ColumnsNotRecorded"
    ask_once(scene, scene.questions())
    second = scene.register(1.001)
    scene.move(second)
    deployed.wait_until(
        "the monitor says so",
        lambda _: deployed.condition("ReplayAvailable").get("status") == "False",
    )
    assert deployed.condition("ReplayAvailable")["reason"] == "ColumnsNotRecorded"
    record = deployed.wait_for_end(second)
    assert (record["completion"], record["reason"]) == ("RolledBack", "ProgressDeadlineExceeded")
    assert "nothing is replayed" in record["message"]
