"""The queue of keys with due times, on a clock that the test moves."""

import asyncio

from penstock_controller.ports import ResourceKey
from penstock_controller.work_queue import WorkQueue

A, B = ResourceKey("ns", "a"), ResourceKey("ns", "b")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def taken_at_once(queue: WorkQueue) -> ResourceKey | None:
    """What `take` answers without waiting."""
    task = asyncio.ensure_future(queue.take())
    for _ in range(5):
        await asyncio.sleep(0)
    if task.done():
        return task.result()
    task.cancel()
    return None


async def test_a_key_that_is_added_twice_is_taken_once() -> None:
    queue = WorkQueue(Clock())
    queue.add(A)
    queue.add(A)
    assert await taken_at_once(queue) == A
    queue.done(A)
    assert await taken_at_once(queue) is None


async def test_a_key_is_not_taken_before_it_is_due() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add(A, 30)
    assert await taken_at_once(queue) is None
    clock.now += 30
    assert await taken_at_once(queue) == A


async def test_an_event_brings_a_waiting_key_forward_and_never_back() -> None:
    queue = WorkQueue(Clock())
    queue.add(A, 60)
    queue.add(A)
    queue.add(A, 60)
    assert await taken_at_once(queue) == A


async def test_the_key_that_is_due_longest_comes_first() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add(A, 5)
    queue.add(B, 1)
    clock.now += 10
    assert await taken_at_once(queue) == B
    assert await taken_at_once(queue) == A


async def test_a_key_that_is_worked_on_is_not_given_out_again_until_it_is_done() -> None:
    queue = WorkQueue(Clock())
    queue.add(A)
    assert await taken_at_once(queue) == A
    queue.add(A)
    assert await taken_at_once(queue) is None
    queue.done(A)
    assert await taken_at_once(queue) == A


async def test_a_waiting_worker_is_woken_by_a_new_key() -> None:
    queue = WorkQueue(Clock())
    waiting = asyncio.ensure_future(queue.take())
    await asyncio.sleep(0)
    queue.add(B)
    assert await asyncio.wait_for(waiting, timeout=5) == B


async def test_when_it_is_due_again_counts_from_when_it_was_taken() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add(A)
    assert await taken_at_once(queue) == A
    clock.now += 0.3
    queue.done(A, 1.0)
    clock.now += 0.65
    assert await taken_at_once(queue) is None
    clock.now += 0.06
    assert await taken_at_once(queue) == A


async def test_a_pass_longer_than_its_period_leaves_half_of_it_to_others() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add(A)
    assert await taken_at_once(queue) == A
    clock.now += 5.0
    queue.done(A, 1.0)
    clock.now += 0.45
    assert await taken_at_once(queue) is None
    clock.now += 0.06
    assert await taken_at_once(queue) == A


async def test_what_happens_in_a_pass_is_looked_at_right_after_it_whatever_the_pass_asked_for() -> None:
    queue = WorkQueue(Clock())
    queue.add(A)
    assert await taken_at_once(queue) == A
    queue.add(A)
    queue.done(A, 60.0)
    assert await taken_at_once(queue) == A


async def test_keys_wait_that_are_due_and_not_taken() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add(A)
    queue.add(B, delay=10)
    assert queue.waiting() == 1
    clock.now += 10
    assert queue.waiting() == 2
    assert await taken_at_once(queue) == A
    queue.add(A)
    assert queue.waiting() == 1


async def test_a_namespace_with_fifty_keys_delays_anothers_by_one_piece_of_work() -> None:
    queue = WorkQueue(Clock())
    for number in range(50):
        queue.add(ResourceKey("crowd", str(number)))
    for _ in range(10):
        queue.done(taken := await queue.take())
        queue.add(taken)
    queue.add(A)
    places = []
    for place in range(20):
        key = await queue.take()
        queue.done(key)
        queue.add(key)
        if key == A:
            places.append(place)
    assert places[0] <= 1
    assert len(places) >= 9


async def test_a_namespace_never_holds_all_workers_while_there_is_another() -> None:
    queue = WorkQueue(Clock(), workers=3)
    queue.add(A, 1000)
    for number in range(5):
        queue.add(ResourceKey("crowd", str(number)))
    assert await taken_at_once(queue)
    assert await taken_at_once(queue)
    assert await taken_at_once(queue) is None
    queue.add(A)
    assert await taken_at_once(queue) == A


async def test_what_is_pressing_goes_before_others_of_its_namespace() -> None:
    queue = WorkQueue(Clock())
    queue.put_first(lambda key: key == B)
    queue.add(A)
    queue.add(B)
    assert await taken_at_once(queue) == B


async def test_what_is_held_is_not_brought_forward_by_events() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add(A)
    assert await taken_at_once(queue) == A
    queue.add(A)
    queue.done(A, 60.0, not_before=5.0)
    queue.add(A)
    assert await taken_at_once(queue) is None
    clock.now += 5.1
    assert await taken_at_once(queue) == A


async def test_what_is_pressing_again_and_again_does_not_shut_out_others_of_its_namespace() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.put_first(lambda key: key == B)
    queue.add(A)
    queue.add(B)
    taken = []
    for _ in range(10):
        taken.append(await queue.take())
        queue.done(taken[-1])
        queue.add(taken[-1])
        clock.now += 1
    assert taken[0] == B
    assert A in taken[:7]


async def test_what_is_pressing_elsewhere_does_not_go_before_anothers_turn() -> None:
    """Fifty on trial in one namespace: a new start in another waits for one of them."""
    queue = WorkQueue(Clock())
    queue.put_first(lambda key: key.namespace == "crowd")
    for number in range(50):
        queue.add(ResourceKey("crowd", str(number)))
    queue.done(await queue.take())
    queue.add(A)
    assert A in [await queue.take(), await queue.take()]
