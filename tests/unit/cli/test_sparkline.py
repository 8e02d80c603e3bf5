import pytest

from penstock_cli.sparkline import sparkline, verdict_line


@pytest.mark.parametrize(
    ("points", "together", "peaks", "drawn"),
    [
        pytest.param([0.0, 0.5, 1.0], 1, True, "▁▄█", id="a character for each point"),
        pytest.param([0.99], 1, True, "▇", id="only what has reached its limit is full"),
        pytest.param([0.0, None, None, 1.0], 1, True, "▁▁▁█", id="what was read before stands until the next reading"),
        pytest.param(
            [None, None, 0.5, None], 1, True, "  ▄", id="blanks before the first point, nothing after the last"
        ),
        pytest.param([0.0, 1.0, 0.0], 2, True, "█▁", id="of several the highest"),
        pytest.param([0.0, 1.0, 0.0, 0.5], 2, False, "█▄", id="or the last"),
        pytest.param([None, 0.5], 2, True, "▄", id="of several where one was not read the other"),
        pytest.param([], 1, True, "", id="none"),
        pytest.param([None], 1, False, "", id="nothing was read"),
    ],
)
def test_points_are_drawn_as_high_as_their_part_of_the_way(
    points: list[float | None], together: int, peaks: bool, drawn: str
) -> None:
    assert sparkline(points, together, peaks=peaks) == drawn


@pytest.mark.parametrize(
    ("verdicts", "together", "drawn"),
    [("ii p", 1, "iiip"), ("  ip", 1, "  ip"), ("ip  ", 1, "ip"), ("iipf", 2, "if"), ("peip", 4, "e"), ("", 1, "")],
)
def test_of_several_verdicts_the_most_telling_is_drawn(verdicts: str, together: int, drawn: str) -> None:
    assert verdict_line(verdicts, together) == drawn
