"""The pod's states, with a clock that the test turns."""

from dataclasses import dataclass

from penstock_predictor.lifecycle import Lifecycle, LifecycleStage


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def ready_one() -> tuple[Lifecycle, Clock]:
    clock = Clock()
    lifecycle = Lifecycle(clock)
    lifecycle.become_ready()
    return lifecycle, clock


def test_a_pod_that_loads_says_what_it_waits_for() -> None:
    lifecycle = Lifecycle(Clock())
    lifecycle.report_step("loading model.onnx")
    assert not lifecycle.ready
    assert (lifecycle.state.stage, lifecycle.state.reason) == (LifecycleStage.LOADING, "loading model.onnx")


def test_a_loaded_model_makes_it_ready_without_a_reason() -> None:
    lifecycle, _ = ready_one()
    assert lifecycle.ready
    assert (lifecycle.state.stage, lifecycle.state.reason) == (LifecycleStage.READY, "")


def test_a_model_that_cannot_be_served_is_never_ready() -> None:
    lifecycle = Lifecycle(Clock())
    lifecycle.fail("golden request: wrong")
    assert not lifecycle.ready
    assert (lifecycle.state.stage, lifecycle.state.reason) == (LifecycleStage.FAILED, "golden request: wrong")


def test_draining_is_not_ready_at_once_and_drained_when_the_time_is_over() -> None:
    lifecycle, clock = ready_one()
    lifecycle.drain(5)
    assert (lifecycle.ready, lifecycle.draining, lifecycle.drained) == (False, True, False)
    clock.now += 4.9
    assert not lifecycle.drained
    clock.now += 0.1
    assert lifecycle.drained


def test_a_second_signal_neither_lengthens_nor_shortens_the_drain() -> None:
    lifecycle, clock = ready_one()
    lifecycle.drain(5)
    clock.now += 4
    lifecycle.drain(0)
    assert not lifecycle.drained
    clock.now += 1
    assert lifecycle.drained


def test_a_pod_that_never_served_has_nobody_to_wait_for() -> None:
    lifecycle = Lifecycle(Clock())
    lifecycle.drain(5)
    assert lifecycle.drained


def test_a_model_that_is_loaded_during_the_drain_does_not_make_the_pod_ready() -> None:
    lifecycle, _ = ready_one()
    lifecycle.drain(5)
    lifecycle.become_ready()
    assert lifecycle.state.stage is LifecycleStage.DRAINING


def test_a_pod_that_was_told_nothing_never_drains() -> None:
    lifecycle, clock = ready_one()
    clock.now += 10**6
    assert not lifecycle.drained
