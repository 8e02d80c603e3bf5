from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console, RenderableType

from penstock_cli.kubernetes_objects import PredictorPod, ResourceEvent, read_object
from penstock_cli.model_deployment import ModelDeploymentView
from penstock_cli.rollout_view import RolloutReading

DATA = Path(__file__).parents[2] / "data" / "cli"


@pytest.fixture
def on_trial() -> dict[str, Any]:
    """A moment of a rollout: what the API server answers, and the time."""
    found: dict[str, Any] = yaml.safe_load((DATA / "on_trial.yaml").read_text())
    return found


@pytest.fixture
def reading(on_trial: dict[str, Any]) -> RolloutReading:
    """What the plugin reads of that moment."""
    return RolloutReading(
        resource=read_object(ModelDeploymentView, on_trial["resource"], "read"),
        pods=[read_object(PredictorPod, pod, "read") for pod in on_trial["pods"]],
        events=[read_object(ResourceEvent, event, "read") for event in on_trial["events"]],
    )


@pytest.fixture
def now(on_trial: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(on_trial["now"]).astimezone(UTC)


@pytest.fixture
def print_plain() -> Callable[[RenderableType, int], str]:
    """What stands on a screen of that many columns, without colours."""

    def of(renderable: RenderableType, width: int) -> str:
        out = StringIO()
        Console(file=out, width=width, highlight=False, force_terminal=False).print(renderable)
        return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())

    return of
