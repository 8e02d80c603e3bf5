"""Why a pod is not ready, in the words of its status."""

from kubernetes.aio.client import (
    V1ContainerState,
    V1ContainerStateTerminated,
    V1ContainerStateWaiting,
    V1ContainerStatus,
    V1ObjectMeta,
    V1Pod,
    V1PodCondition,
    V1PodStatus,
)

from penstock_controller.adapters.kubernetes.pod_problems import problem


def container(name: str, state: V1ContainerState, last: V1ContainerState | None = None) -> V1ContainerStatus:
    return V1ContainerStatus(
        name=name, image="i", image_id="i", ready=False, restart_count=1, state=state, last_state=last
    )


def waiting(reason: str, message: str = "") -> V1ContainerState:
    return V1ContainerState(waiting=V1ContainerStateWaiting(reason=reason, message=message))


def ended(code: int, message: str, reason: str = "Error") -> V1ContainerState:
    return V1ContainerState(terminated=V1ContainerStateTerminated(exit_code=code, reason=reason, message=message))


def pod(**status: object) -> V1Pod:
    return V1Pod(metadata=V1ObjectMeta(name="m-rev-1"), status=V1PodStatus(**status))


def test_a_pod_that_is_simply_starting_has_no_problem() -> None:
    assert problem(pod(container_statuses=[container("predictor", waiting("ContainerCreating"))])) == ""


def test_an_image_that_cannot_be_pulled_is_named() -> None:
    found = problem(pod(container_statuses=[container("predictor", waiting("ImagePullBackOff", 'image "x"'))]))
    assert found == 'pod m-rev-1: container predictor waits: ImagePullBackOff image "x"'


def test_what_a_crashed_container_said_last_matters_more_than_that_it_waits() -> None:
    crashed = container("predictor", waiting("CrashLoopBackOff"), ended(1, "log line\ngolden: output y differs"))
    found = problem(pod(container_statuses=[crashed]))
    assert found == "pod m-rev-1: container predictor ended with 1 (Error): golden: output y differs"


def test_a_container_out_of_memory_is_named_by_its_reason() -> None:
    killed = container("predictor", waiting("CrashLoopBackOff"), ended(137, "", "OOMKilled"))
    assert "ended with 137 (OOMKilled)" in problem(pod(container_statuses=[killed]))


def test_a_pod_without_a_node_says_what_the_scheduler_says() -> None:
    condition = V1PodCondition(type="PodScheduled", status="False", reason="Unschedulable", message="Insufficient cpu")
    assert problem(pod(conditions=[condition])) == "pod m-rev-1 has no node: Insufficient cpu"
