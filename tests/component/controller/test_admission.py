"""The tables in tests/data/model_deployments against a real API server: what it lets in, what it refuses by name."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.aio.client import ApiClient, ApiException, CustomObjectsApi

from penstock_contracts.names import GROUP, PLURAL, VERSION
from penstock_testing.cluster import Object
from penstock_testing.model_deployments import model_deployment

TABLES = Path(__file__).parents[2] / "data" / "model_deployments"
NAMESPACE = "default"


def table(name: str) -> list[Any]:
    return [pytest.param(row, id=row["name"]) for row in yaml.safe_load((TABLES / name).read_text())]


async def create(api: ApiClient, row: Object) -> None:
    """As `kubectl create --dry-run=server` does: unknown fields are refused, nothing is kept. Raises ApiException."""
    made = model_deployment(row["name"], NAMESPACE, "m")
    resource = made | {"spec": row["spec"], "metadata": made["metadata"] | row.get("metadata", {})}
    where = (GROUP, VERSION, NAMESPACE, PLURAL)
    await CustomObjectsApi(api).create_namespaced_custom_object(
        *where, resource, dry_run="All", field_validation="Strict"
    )


@pytest.mark.parametrize("row", table("refused_at_admission.yaml"))
async def test_a_bad_resource_is_refused_by_name(api: ApiClient, row: Object) -> None:
    with pytest.raises(ApiException) as refusal:
        await create(api, row)
    assert row["names"] in json.loads(refusal.value.body)["message"]


@pytest.mark.parametrize("row", table("accepted.yaml"))
async def test_a_good_resource_is_let_in(api: ApiClient, row: Object) -> None:
    await create(api, row)
