from penstock_testing.model_deployments import model_deployment
from penstock_testing.strategies import GATED, by_steps, canary, mirror, pause


def test_a_resource_follows_its_alias_at_once_unless_the_test_says_otherwise() -> None:
    spec = model_deployment("model", "users", "m")["spec"]
    assert spec == {
        "registry": {"model": "m", "alias": "champion"},
        "strategy": {"canary": {"steps": []}},
        "analysis": {"gates": []},
        "bake": {"duration": "0s"},
    }
    assert model_deployment("model", "users", "m", **GATED)["spec"] == spec | GATED


def test_steps_are_written_as_the_resource_has_them() -> None:
    assert by_steps(3, (5, 25))["strategy"]["canary"]["steps"] == [
        {"setWeight": 5},
        {"pause": {"duration": "3s"}},
        {"setWeight": 25},
        {"pause": {"duration": "3s"}},
    ]
    assert canary(mirror(100), pause(), stickiness={"header": "x-user-id"})["strategy"]["canary"] == {
        "steps": [{"setMirror": {"percentage": 100}}, {"pause": {}}],
        "stickiness": {"header": "x-user-id"},
    }
