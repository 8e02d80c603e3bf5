import pytest

from penstock_cli.gates import FigureView, GateView, gate_view
from penstock_cli.rollout_view import RolloutReading


def test_a_gate_of_the_status_is_shown_with_its_figures(reading: RolloutReading) -> None:
    view = gate_view(reading.resource.status.gates[0])
    assert (view.title, view.verdict) == ("error-rate (trial)", "inconclusive")
    assert view.figures_text == "tries 612 / 1871, failures 1 / 2"
    assert [str(figure) for figure in view.figures][2:] == ["failures: 503 1 / 0", "failures: timeout 0 / 2"]


@pytest.mark.parametrize(
    ("candidate", "stable", "text"),
    [(12.5, 11.0, "p99 12.5 / 11"), (0.1, None, "p99 0.1"), (1234567, 20, "p99 1234567 / 20")],
)
def test_figures_are_shown_by_their_names_whatever_the_gate(candidate: float, stable: float | None, text: str) -> None:
    figure = FigureView(name="p99", candidate=candidate, stable=stable)
    view = GateView(name="latency", stage="bake", verdict="pass", message="", figures=(figure,))
    assert view.figures_text == text
