import threading

import pytest

from penstock_testing.cluster import CommandError
from penstock_testing.faults import Repeatedly


def test_what_is_done_repeatedly_is_done_until_the_context_is_left() -> None:
    enough = threading.Event()
    done: list[int] = []

    def act() -> None:
        done.append(len(done))
        if len(done) == 3:
            enough.set()

    with Repeatedly(act, pause=0) as repeated:
        assert enough.wait(60)
    assert repeated.times == len(done) >= 3


def test_what_cannot_be_done_just_now_is_tried_again_and_not_counted() -> None:
    enough = threading.Event()
    tried: list[int] = []

    def act() -> None:
        tried.append(len(tried))
        if len(tried) == 1:
            raise CommandError("no pod")
        enough.set()

    with Repeatedly(act, pause=0) as repeated:
        assert enough.wait(60)
    assert repeated.times == len(tried) - 1


def test_a_mistake_in_what_is_done_repeatedly_is_raised_at_the_end() -> None:
    called = threading.Event()

    def act() -> None:
        called.set()
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"), Repeatedly(act, pause=0):
        assert called.wait(60)
