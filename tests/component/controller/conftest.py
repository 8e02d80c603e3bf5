from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from kubernetes.aio.client import ApiClient, CoreV1Api

from penstock_controller.ports import ResourceKey
from penstock_testing.gateway.cluster import create_model_deployment
from penstock_testing.gateway.objects import NAME


@pytest.fixture
async def key(api: ApiClient) -> AsyncIterator[ResourceKey]:
    """A ModelDeployment in a namespace of its own."""
    namespace = f"controller-{uuid4().hex[:8]}"
    await CoreV1Api(api).create_namespace({"metadata": {"name": namespace}})
    await create_model_deployment(api, namespace)
    yield ResourceKey(namespace, NAME)
    await CoreV1Api(api).delete_namespace(namespace)
