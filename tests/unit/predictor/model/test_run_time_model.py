import pytest

from penstock_predictor.model.run_time_model import RunTimeModel


def test_of_a_model_that_never_ran_nothing_is_known() -> None:
    assert RunTimeModel().expect(5) == 0


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [
        (4, 1.0),  # as learned
        (7, 1.0),  # the same power of two
        (8, 2.0),  # the next: taken to grow with the rows
        (64, 16.0),
        (1, 1.0),  # fewer rows are not taken to be cheaper
    ],
)
def test_from_one_size_the_others_are_expected_to_cost_rather_too_much(rows: int, seconds: float) -> None:
    run_times = RunTimeModel()
    run_times.learn(4, 1.0)
    assert run_times.expect(rows) == seconds


def test_the_nearest_smaller_size_counts_before_a_larger_one() -> None:
    run_times = RunTimeModel()
    run_times.learn(1, 1.0)
    run_times.learn(4, 1.5)
    run_times.learn(64, 9.0)
    assert [run_times.expect(rows) for rows in (1, 2, 4, 8, 64, 128)] == [1.0, 2.0, 1.5, 3.0, 9.0, 18.0]


def test_one_odd_run_changes_little_and_many_change_all() -> None:
    run_times = RunTimeModel()
    run_times.learn(1, 1.0)
    run_times.learn(1, 11.0)
    assert run_times.expect(1) == pytest.approx(3.0)
    for _ in range(100):
        run_times.learn(1, 11.0)
    assert run_times.expect(1) == pytest.approx(11.0)


def test_the_largest_number_of_rows_has_a_place() -> None:
    run_times = RunTimeModel()
    run_times.learn(2**62, 1.0)
    assert run_times.expect(2**62) == 1.0
