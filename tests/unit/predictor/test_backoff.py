import random
from itertools import islice

from penstock_predictor.backoff import delays


def test_delays_double_up_to_the_cap_and_keep_at_least_half() -> None:
    bounds = [1, 2, 4, 5, 5, 5]
    for seed in range(50):
        drawn = list(islice(delays(random.Random(seed), first=1, cap=5), len(bounds)))
        assert all(bound / 2 <= delay <= bound for delay, bound in zip(drawn, bounds, strict=True))


def test_two_pods_do_not_come_back_together() -> None:
    assert next(delays(random.Random(1))) != next(delays(random.Random(2)))
