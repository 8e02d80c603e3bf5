from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from penstock_testing.gateway.rig import GatewayRig


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[GatewayRig]:
    async with GatewayRig(tmp_path) as rig:
        yield rig
