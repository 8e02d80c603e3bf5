"""Users of the demo: what they ask, and who counts what they get."""

from collections.abc import Collection, Mapping
from pathlib import Path

from fraud_detection.data import instances, label, onnx_inputs, transactions
from penstock_testing.expectation import Expectation, Question
from penstock_testing.plan import TrafficPlan
from penstock_testing.platform import Address
from penstock_testing.traffic import TrafficRun


class DemoUsers:
    """Cardholders, open loop: they do not wait for one another, and never ask twice."""

    def __init__(self, path: str, *, seed: int, drift: float, different: int) -> None:
        """`drift`: 0 is the world that the model was trained in, 1 another one. `different`: questions.

        Few, asked again and again, would themselves be another distribution than the training's; and a model that is
        trained on them would be asked what it has seen.
        """
        self.frame = transactions(different, seed=seed, drift=drift)
        self.labels: list[int] = label(self.frame, seed=seed, drift=drift).tolist()
        feed = onnx_inputs(self.frame)
        self.questions = tuple(
            Question.predict(path, [row], {name: values[number : number + 1] for name, values in feed.items()})
            for number, row in enumerate(instances(different, seed=seed, drift=drift))
        )

    def expectation(
        self, models: Mapping[str, Path], *, silent: Mapping[str, Collection[int]] | None = None
    ) -> Expectation:
        """What onnxruntime answers here for each version. Of so many questions some have one answer of two versions."""
        return Expectation.of_models(self.questions, models, silent=silent, alike=True)

    def traffic(self, gateway: Address, expectation: Expectation, *, rate: float, recording: Path) -> TrafficRun:
        """A run of requests, `rate` a second until it is stopped, every answer checked."""
        plan = TrafficPlan(
            host=gateway.host,
            port=gateway.port,
            requests=tuple(question.request for question in self.questions),
            rate=rate,
            seconds=900,
            recording=recording,
        )
        return TrafficRun(plan, expectation)
