import pytest

from penstock_contracts.api.attempt_course import NO_POINT, level, part


@pytest.mark.parametrize(
    ("reached", "character"), [(0.0, "0"), (0.5, "h"), (0.99, "y"), (1.0, "z"), (7.0, "z"), (-1.0, "0")]
)
def test_a_part_of_a_way_is_one_character_and_only_what_is_there_reads_as_there(reached: float, character: str) -> None:
    assert level(reached) == character


def test_what_is_read_again_is_never_more_than_what_was_written_and_hardly_less() -> None:
    for hundredths in range(101):
        found = part(level(hundredths / 100))
        assert found is not None
        assert hundredths / 100 - 1 / 35 < found <= hundredths / 100


@pytest.mark.parametrize("character", [NO_POINT, "", "?"])
def test_what_no_level_is_is_no_point(character: str) -> None:
    assert part(character) is None
