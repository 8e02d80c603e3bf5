"""The tables in tests/data/model_deployments against a real API server: what can never work is refused by name."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.aio.client import ApiClient, ApiException, CustomObjectsApi

from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.names import GROUP, PLURAL, VERSION
from penstock_testing.model_deployments import model_deployment

TABLES = Path(__file__).parents[2] / "data" / "model_deployments"
NAMESPACE = "default"


def table(name: str) -> list[Any]:
    return [pytest.param(row, id=row["name"]) for row in yaml.safe_load((TABLES / name).read_text())]


async def admitted(api: ApiClient, row: dict[str, Any]) -> dict[str, Any]:
    """What the API server would keep. Raises ApiException."""
    body = model_deployment(row["name"], NAMESPACE, "m")
    body |= {"spec": row["spec"], "metadata": body["metadata"] | row.get("metadata", {})}
    kept: dict[str, Any] = await CustomObjectsApi(api).create_namespaced_custom_object(
        GROUP, VERSION, NAMESPACE, PLURAL, body, dry_run="All", field_validation="Strict"
    )
    return kept


@pytest.mark.parametrize("row", table("refused_at_admission.yaml"))
async def test_what_can_never_work_is_refused_by_name(api: ApiClient, row: dict[str, Any]) -> None:
    with pytest.raises(ApiException) as refusal:
        await admitted(api, row)
    assert row["names"] in yaml.safe_load(refusal.value.body)["message"]


@pytest.mark.parametrize("row", table("accepted.yaml"))
async def test_what_is_admitted_is_understood_by_the_controller(api: ApiClient, row: dict[str, Any]) -> None:
    kept = await admitted(api, row)
    ModelDeploymentSpec.model_validate(kept["spec"])
