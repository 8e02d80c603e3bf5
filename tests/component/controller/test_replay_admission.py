"""setReplay against a real API server."""

from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, ApiException, CustomObjectsApi

from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.names import GROUP, PLURAL, VERSION
from penstock_testing.cluster import Object
from penstock_testing.model_deployments import model_deployment
from penstock_testing.strategies import canary, mirror, pause, replay, weight

RECORDED: Object = {"predictor": {"logger": {"mode": "all"}}}


def judged_by(*gates: str) -> Object:
    return {"analysis": {"gates": [{"name": name} for name in gates]}}


async def admitted(api: ApiClient, fields: Object) -> ModelDeploymentSpec:
    """The spec that the API server would keep. Raises ApiException."""
    body = model_deployment("replay", "default", "m")
    body["spec"] |= fields
    kept: dict[str, Any] = await CustomObjectsApi(api).create_namespaced_custom_object(
        GROUP, VERSION, "default", PLURAL, body, dry_run="All", field_validation="Strict"
    )
    return ModelDeploymentSpec.model_validate(kept["spec"])


@pytest.mark.parametrize(
    "fields",
    [
        canary(replay(1000), pause(60)) | judged_by("prediction-divergence"),
        canary(replay(1000), pause(60)) | judged_by("prediction-divergence", "preflight"),
        canary(replay(1000), mirror(100), pause(60), weight(50)) | judged_by("error-rate", "prediction-divergence"),
    ],
    ids=["alone", "with preflight", "beside copies"],
)
async def test_a_service_without_requests_may_be_judged_by_recorded_ones(api: ApiClient, fields: Object) -> None:
    spec = await admitted(api, RECORDED | fields)
    assert spec.strategy.canary
    assert spec.strategy.canary.steps
    first = spec.strategy.canary.steps[0].set_replay
    assert first
    assert (first.max_requests, first.rate) == (1000, 20)


async def test_how_many_and_how_fast_have_defaults(api: ApiClient) -> None:
    fields = canary({"setReplay": {}}, pause(60)) | judged_by("prediction-divergence")
    spec = await admitted(api, RECORDED | fields)
    assert spec.strategy.canary
    assert spec.strategy.canary.steps
    assert spec.strategy.canary.steps[0].set_replay
    assert spec.strategy.canary.steps[0].set_replay.max_requests == 1000


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (RECORDED | canary(replay(9), weight(50)) | judged_by("error-rate"), "setReplay needs the gate"),
        (RECORDED | canary(replay(9), weight(50)), "setReplay needs the gate"),
        (
            canary(replay(9)) | judged_by("prediction-divergence"),
            "prediction-divergence and live-quality need predictor.logger",
        ),
        (
            {"predictor": {"logger": {"mode": "all", "sampleRate": 0}}}
            | canary(replay(9))
            | judged_by("prediction-divergence"),
            "sampleRate of at least 0.01",
        ),
        (RECORDED | canary(replay(0)) | judged_by("prediction-divergence"), "maxRequests"),
        (RECORDED | canary(replay(10_001)) | judged_by("prediction-divergence"), "maxRequests"),
        (RECORDED | canary({"setReplay": {"rate": 101}}) | judged_by("prediction-divergence"), "rate"),
        (
            RECORDED | canary({"setReplay": {}, "setMirror": {"percentage": 1}}) | judged_by("prediction-divergence"),
            "exactly one of",
        ),
        (
            RECORDED | canary(replay(9)) | judged_by("prediction-divergence", "error-rate"),
            "without a step that sets a weight or a mirror",
        ),
        (
            RECORDED
            | {"drift": {}}
            | canary(replay(9), weight(50))
            | {"analysis": {"gates": [{"name": "prediction-divergence"}, {"name": "live-quality", "metric": "mae"}]}},
            "need a step in which both versions answer the same requests",
        ),
    ],
    ids=[
        *("another gate", "default gates", "nothing is recorded", "none is sampled", "too few", "too many", "too fast"),
        *("two in one step", "a gate that needs users", "labels of what stable answered before"),
    ],
)
async def test_what_can_never_work_is_refused(api: ApiClient, fields: Object, told: str) -> None:
    with pytest.raises(ApiException) as refusal:
        await admitted(api, fields)
    assert told in refusal.value.body
