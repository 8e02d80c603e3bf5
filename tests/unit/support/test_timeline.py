from penstock_testing.cluster import KubernetesCluster, Object
from penstock_testing.model_deployments import Deployed
from penstock_testing.timeline import Moment, Timeline

DEPLOYED = Deployed(KubernetesCluster(context="none", kubeconfig="", images={}), "users", "model")


def status(phase: str, *, weight: int | None = None) -> Object:
    candidate = None if weight is None else {"version": "2", "weight": weight}
    return {"phase": phase, "stable": {"version": "1"}, "candidate": candidate}


def test_phases_and_weights_are_told_in_their_order_without_repetition() -> None:
    seen = [
        status("Healthy"),
        status("Progressing", weight=0),
        status("Progressing", weight=5),
        status("Progressing", weight=25),
        status("Baking"),
        status("Healthy"),
    ]
    told: list[Moment] = []
    timeline = Timeline(DEPLOYED, tell=told.append)
    for each in (*seen, seen[-1]):
        timeline.add(each)
    assert len(told) == len(seen)
    assert timeline.moments == told
    assert timeline.phases() == ["Healthy", "Progressing", "Baking", "Healthy"]
    assert timeline.weights("2") == [0, 5, 25]
    assert timeline.weights("3") == []


def test_a_resource_without_a_status_is_a_moment_too() -> None:
    moment = Moment.of({})
    assert (moment.phase, moment.stable, moment.candidate, moment.weight, moment.number) == ("", "", "", 0, 0)
