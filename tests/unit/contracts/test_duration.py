"""Kubernetes duration strings."""

import pytest

from penstock_contracts.api import duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("250ms", 0.25), ("1m500ms", 60.5), ("0s", 0)]
)
def test_a_duration_is_its_length(text: str, seconds: float) -> None:
    assert duration.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "s", "-5s", "1d", "1.5h", "1h ", "10 s", "1h\n"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 90s"):
        duration.seconds(text)
