"""A model under load in a namespace of its own: what most end-to-end tests begin with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from penstock_testing.artifacts import affine
from penstock_testing.expectation import Expectation, Question
from penstock_testing.faulty_models import SLOPE, Build
from penstock_testing.model_deployments import Deployed, model_deployment
from penstock_testing.plan import TrafficPlan
from penstock_testing.platform import Platform
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.strategies import BRIEF
from penstock_testing.traffic import TrafficRun

QUESTIONS = 20


@dataclass(frozen=True, kw_only=True)
class RolloutScene:
    """The cluster's parts as one test sees them. Versions are affine models that differ in their intercept."""

    platform: Platform
    registry: RegisteredModels
    namespace: str
    folder: Path

    @property
    def model(self) -> str:
        """A registered model that no other test has."""
        return f"model-of-{self.namespace}"

    def deployed(self, name: str = "model") -> Deployed:
        """The ModelDeployment of that name, whether or not it exists."""
        return Deployed(self.platform.cluster, self.namespace, name)

    def register(self, version: float | Build) -> str:
        """A new version that answers `2 x + version`, or the one that is built."""
        build = version if callable(version) else affine(SLOPE, version)
        return self.registry.register(self.model, build)

    def move(self, version: str) -> None:
        """Point alias `champion` at a version."""
        self.registry.move(self.model, version)

    def serve(self, name: str = "model", **spec: Any) -> Deployed:
        """Apply the smallest useful resource (and what the test says about it) and wait until it is ready."""
        spec["predictor"] = BRIEF | spec.get("predictor", {})
        self.platform.cluster.apply(model_deployment(name, self.namespace, self.model, **spec))
        deployed = self.deployed(name)
        deployed.wait_ready()
        return deployed

    def serve_first(self, build: float | Build = 1.0, **spec: Any) -> tuple[Deployed, str]:
        """A resource that serves a first version and is at rest, and that version."""
        version = self.register(build)
        self.move(version)
        deployed = self.serve(**spec)
        deployed.wait_settled()
        return deployed, version

    def questions(
        self,
        *,
        name: str = "model",
        above: float = 0.0,
        count: int = QUESTIONS,
        headers: Callable[[int], Mapping[str, str]] = lambda _: {},
    ) -> list[Question]:
        """Different ones, whose first values are spread evenly from `above` to 1.

        `name`: of the ModelDeployment. `headers`: of each by its number.
        """
        path = f"/{self.namespace}/{name}/v2/models/{name}/infer"
        generator = np.random.default_rng(7)
        firsts = generator.permutation(above + (1 - above) * (np.arange(count) + 0.5) / count)
        rows = [np.array([[first, generator.normal()]], dtype=np.float32) for first in firsts]
        return [Question.infer(path, {"x": row}, headers=headers(number)) for number, row in enumerate(rows)]

    def expectation(
        self,
        *versions: str,
        questions: Sequence[Question] | None = None,
        silent_below: Mapping[str, float] | None = None,
    ) -> Expectation:
        """What onnxruntime answers here for each version, from the registry's own bytes.

        `silent_below`: version to the first value below which it fails or hangs.
        """
        asked = self.questions() if questions is None else list(questions)
        models = {each: self.registry.download(self.model, each, self.folder / each) for each in versions}
        silent = {
            version: [number for number, each in enumerate(asked) if each.feed["x"][0, 0] < share]
            for version, share in (silent_below or {}).items()
        }
        return Expectation.of_models(asked, models, silent=silent)

    def traffic(
        self, expectation: Expectation, *, rate: float = 50.0, seconds: float = 240.0, deadline_seconds: float = 2.0
    ) -> TrafficRun:
        """Open-loop traffic through the gateway; started on entering its context."""
        address = self.platform.gateway()
        plan = TrafficPlan(
            host=address.host,
            port=address.port,
            requests=tuple(question.request for question in expectation.questions),
            rate=rate,
            seconds=seconds,
            deadline_seconds=deadline_seconds,
            recording=self.folder / f"traffic-{uuid4().hex[:6]}.bin",
        )
        return TrafficRun(plan, expectation)
