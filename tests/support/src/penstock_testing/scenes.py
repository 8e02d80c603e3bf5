"""A model under load in a namespace of its own: what most end-to-end tests begin with."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from penstock_testing.artifacts import affine
from penstock_testing.expectation import Expectation, Question
from penstock_testing.model_deployments import Deployed, model_deployment
from penstock_testing.plan import TrafficPlan
from penstock_testing.platform import Platform
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.traffic import TrafficRun

QUESTIONS = 20


@dataclass(frozen=True, kw_only=True)
class Scene:
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

    def register(self, intercept: float) -> str:
        """A new version that answers `2 x + intercept`."""
        return self.registry.register(self.model, affine(2.0, intercept))

    def serve(self, name: str = "model", **spec: object) -> Deployed:
        """Apply the smallest useful resource (and what the test says about it) and wait until it is ready."""
        self.platform.cluster.apply(model_deployment(name, self.namespace, self.model, **spec))
        deployed = self.deployed(name)
        deployed.wait_ready()
        return deployed

    def expectation(self, *versions: str, name: str = "model") -> Expectation:
        """What onnxruntime answers here for each version, from the registry's own bytes."""
        path = f"/{self.namespace}/{name}/v2/models/{name}/infer"
        generator = np.random.default_rng(7)
        questions = [
            Question.infer(path, {"x": generator.normal(size=(1, 2)).astype(np.float32)}) for _ in range(QUESTIONS)
        ]
        models = {each: self.registry.download(self.model, each, self.folder / each) for each in versions}
        return Expectation.of_models(questions, models)

    def traffic(self, expectation: Expectation, *, rate: float = 100.0, seconds: float = 240.0) -> TrafficRun:
        """Open-loop traffic through the gateway; started on entering its context."""
        address = self.platform.gateway()
        plan = TrafficPlan(
            host=address.host,
            port=address.port,
            requests=tuple(question.request for question in expectation.questions),
            rate=rate,
            seconds=seconds,
            recording=self.folder / "traffic.bin",
        )
        return TrafficRun(plan, expectation)
