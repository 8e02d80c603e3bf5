from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from kubernetes.aio.client import ApiClient, CoreV1Api

from penstock_testing.gateway.rig import GatewayRig


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[GatewayRig]:
    async with GatewayRig(tmp_path) as rig:
        yield rig


@pytest.fixture
async def namespace(api: ApiClient) -> AsyncIterator[str]:
    name = f"gateway-{uuid4().hex[:8]}"
    await CoreV1Api(api).create_namespace({"metadata": {"name": name}})
    yield name
    await CoreV1Api(api).delete_namespace(name)
