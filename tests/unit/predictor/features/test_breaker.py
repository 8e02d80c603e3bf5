from penstock_predictor.features.breaker import FAILURES, OPEN_SECONDS, CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def failed(breaker: CircuitBreaker, times: int) -> list[bool]:
    """Whether it opened by each of these."""
    return [breaker.lets_through() and breaker.failed() for _ in range(times)]


def test_it_opens_at_the_fifth_failure_in_a_row_and_says_so_once() -> None:
    breaker = CircuitBreaker(Clock())
    assert failed(breaker, FAILURES) == [False] * (FAILURES - 1) + [True]
    assert not breaker.lets_through()


def test_a_success_between_begins_the_row_anew() -> None:
    breaker = CircuitBreaker(Clock())
    failed(breaker, FAILURES - 1)
    assert breaker.lets_through()
    breaker.succeeded()
    assert failed(breaker, FAILURES - 1) == [False] * (FAILURES - 1)
    assert breaker.lets_through()


def test_after_its_time_one_call_is_let_through_and_the_others_wait_for_how_it_went() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock)
    failed(breaker, FAILURES)
    clock.now += OPEN_SECONDS
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    assert not breaker.failed()
    assert not breaker.lets_through()
    clock.now += OPEN_SECONDS
    assert breaker.lets_through()
    breaker.succeeded()
    assert [breaker.lets_through() for _ in range(3)] == [True, True, True]


def test_calls_that_were_under_way_when_it_opened_change_nothing() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock)
    under_way = [breaker.lets_through() for _ in range(FAILURES + 2)]
    assert all(under_way)
    assert [breaker.failed() for _ in under_way].count(True) == 1
    assert not breaker.lets_through()
