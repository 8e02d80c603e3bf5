"""spec.predictor.logger, spec.drift and spec.retrain against a real API server."""

from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, ApiException, CustomObjectsApi

from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.names import GROUP, PLURAL, VERSION
from penstock_testing.model_deployments import model_deployment

ALL: dict[str, Any] = {"logger": {"mode": "all"}}
HOOK: dict[str, Any] = {"url": "https://pipelines.example/api/v2/dags/retrain/dagRuns"}
JOB: dict[str, Any] = {"spec": {"template": {"spec": {"containers": [{"name": "train", "image": "train:1"}]}}}}


async def admitted(api: ApiClient, **fields: Any) -> dict[str, Any]:
    """The spec that the API server would keep. Raises ApiException."""
    body = model_deployment("drift", "default", "m")
    body["spec"] |= fields
    kept: dict[str, Any] = await CustomObjectsApi(api).create_namespaced_custom_object(
        GROUP, VERSION, "default", PLURAL, body, dry_run="All", field_validation="Strict"
    )
    spec: dict[str, Any] = kept["spec"]
    return spec


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"drift": {}}, "drift needs predictor.logger"),
        ({"drift": {}, "predictor": {"logger": {}}}, "drift needs predictor.logger"),
        ({"drift": {}, "predictor": {"logger": {"mode": "all", "sampleRate": 0}}}, "sampleRate above 0"),
        ({"predictor": {"logger": {"mode": "some"}}}, "spec.predictor.logger.mode"),
        ({"predictor": {"logger": {"mode": "all", "sampleRate": 1.5}}}, "spec.predictor.logger.sampleRate"),
        ({"predictor": {"logger": {"exclude": ["a,b"]}}}, "spec.predictor.logger.exclude"),
        ({"predictor": {"logger": {"exclude": ["a"], "hash": ["a"]}}}, "exclude or in hash"),
        ({"predictor": ALL, "drift": {"period": "721h"}}, "must be from 0s to 720h"),
        ({"predictor": ALL, "drift": {"interval": "999ms"}}, "must be from 1s to 1h"),
        ({"predictor": ALL, "drift": {"margin": 0}}, "margin is from 0.001 to 0.9"),
        ({"predictor": ALL, "drift": {"margin": 1}}, "spec.drift.margin"),
        ({"predictor": ALL, "drift": {"share": 0}}, "share is from 0.01 to 1"),
        ({"predictor": ALL, "drift": {"share": 1.1}}, "spec.drift.share"),
        ({"predictor": ALL, "drift": {"onDrift": "Panic"}}, "spec.drift.onDrift"),
        ({"predictor": ALL, "drift": {"onDrift": "Retrain"}}, "needs retrain.jobTemplate"),
        ({"retrain": {}}, "name exactly one of retrain.jobTemplate and retrain.webhook"),
        ({"retrain": {"jobTemplate": JOB, "webhook": HOOK}}, "exactly one of retrain.jobTemplate and retrain.webhook"),
        ({"retrain": {"webhook": {}}}, "spec.retrain.webhook.url"),
        ({"retrain": {"webhook": {"url": "ftp://pipelines.example/"}}}, "spec.retrain.webhook.url"),
        ({"retrain": {"webhook": {"url": "https://me:word@pipelines.example/"}}}, "spec.retrain.webhook.url"),
        ({"retrain": {"webhook": HOOK | {"timeout": "31s"}}}, "must be from 1s to 30s"),
        ({"retrain": {"webhook": HOOK | {"headersSecret": "No Name"}}}, "spec.retrain.webhook.headersSecret"),
        ({"retrain": {"jobTemplate": {}}}, "spec.retrain.jobTemplate.spec"),
        ({"retrain": {"jobTemplate": JOB}, "registry": {"model": "m", "version": "1"}}, "retrain needs registry.alias"),
        ({"retrain": {"jobTemplate": JOB, "cooldown": "721h"}}, "must be from 0s to 720h"),
        ({"retrain": {"jobTemplate": JOB, "timeLimit": "1s"}}, "must be from 1m to 168h"),
        ({"retrain": {"jobTemplate": JOB, "budget": {"max": 0}}}, "spec.retrain.budget.max"),
        ({"retrain": {"jobTemplate": JOB, "minLabels": -1}}, "spec.retrain.minLabels"),
        (
            {"retrain": {"jobTemplate": JOB | {"metadata": {"labels": {"penstock.dev/revision": "a"}}}}},
            "Penstock's own",
        ),
    ],
)
async def test_what_can_never_work_is_refused_by_name(api: ApiClient, fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ApiException) as refusal:
        await admitted(api, **fields)
    assert told in refusal.value.body


async def test_what_is_left_out_has_its_default(api: ApiClient) -> None:
    kept = ModelDeploymentSpec.model_validate(await admitted(api, predictor=ALL, drift={"period": "0s"}))
    assert kept.predictor.logger
    assert kept.predictor.logger.sample_rate == 1.0
    assert kept.drift
    assert (kept.drift.period, kept.drift.margin, kept.drift.interval) == ("0s", 0.05, "60s")


async def test_a_job_template_is_kept_as_it_is_and_its_brakes_have_defaults(api: ApiClient) -> None:
    kept = await admitted(api, predictor=ALL, drift={"onDrift": "Retrain"}, retrain={"jobTemplate": JOB})
    assert kept["retrain"] == {
        "jobTemplate": JOB,
        "cooldown": "6h",
        "budget": {"max": 4, "per": "24h"},
        "schedule": "",
        "timeLimit": "6h",
        "minLabels": 0,
    }
    parsed = ModelDeploymentSpec.model_validate(kept)
    assert parsed.retrain
    assert parsed.retrain.job_template
    assert parsed.retrain.job_template.spec == JOB["spec"]


async def test_a_webhooks_body_is_kept_as_it_is(api: ApiClient) -> None:
    hook = HOOK | {"headersSecret": "airflow", "body": {"dag_run_id": "$(PENSTOCK_RUN_TAG)", "conf": {"a": [1, True]}}}
    kept = await admitted(api, predictor=ALL, drift={"onDrift": "Retrain"}, retrain={"webhook": hook})
    assert kept["retrain"]["webhook"] == hook | {"timeout": "10s"}


async def test_who_asks_for_none_of_it_has_none_of_it(api: ApiClient) -> None:
    kept = await admitted(api)
    assert "drift" not in kept
    assert "retrain" not in kept
    assert "logger" not in kept["predictor"]
