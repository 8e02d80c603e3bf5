"""Envoy's admin interface, which listens on this pod's loopback only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from penstock_gateway.api_server.snapshot import ModelKey
from penstock_gateway.envoy.bootstrap import REQUESTS_PREFIX, ROUTES_NAME, TRIES_PREFIX
from penstock_gateway.errors import EnvoyAway

_CLUSTERS = "cluster_manager.cds"
_ROUTES = f"http.{ROUTES_NAME}.rds.{ROUTES_NAME}"
_FILTER = "^(" + "|".join(map(re.escape, (_CLUSTERS, _ROUTES))) + r")\.(version_text|update_rejected)$"
_TIMEOUT = httpx.Timeout(2.0)


@dataclass(frozen=True, kw_only=True)
class FileState:
    """What Envoy says of one file."""

    version: str
    """The version that it took last; empty: none yet."""
    rejected: int
    """How many it refused since its start."""


@dataclass(frozen=True, kw_only=True)
class EnvoyState:
    """What Envoy runs on. A file is taken whole or its version does not change, so a version stands for its content."""

    clusters: FileState
    routes: FileState


@dataclass(frozen=True, kw_only=True)
class TryCounts:
    """What Envoy counted since its start."""

    epoch: str
    """Names that start."""
    counters: Mapping[str, int]
    """Envoy's name of a counter, which holds the tags, to its value."""


class EnvoyAdmin:
    """Asks and tells Envoy. Every call has a time-out and raises EnvoyAway when it is not answered."""

    def __init__(self, port: int) -> None:
        self._client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=_TIMEOUT, trust_env=False)

    async def state(self) -> EnvoyState:
        """Return the versions in use: three milliseconds with 200 clusters, where config_dump takes sixty."""
        answer = await self._call("GET", "/stats", filter=_FILTER, format="json")
        stats = {stat["name"]: stat["value"] for stat in answer.json()["stats"] if "name" in stat}
        return EnvoyState(clusters=_file_state(stats, _CLUSTERS), routes=_file_state(stats, _ROUTES))

    async def tries(self, model: ModelKey) -> TryCounts:
        """Return what Envoy has counted of a ModelDeployment's tries at servers."""
        epoch = await self._epoch()
        counted = f"^{TRIES_PREFIX}\\.(tries|pods)\\.model\\.{re.escape(str(model))}\\."
        answer = await self._call("GET", "/stats", filter=counted, format="json")
        if await self._epoch() != epoch:
            raise EnvoyAway("Envoy was started again while its counters were read; ask again")
        found = (stat for stat in answer.json()["stats"] if "name" in stat)
        return TryCounts(epoch=epoch, counters={str(stat["name"]): int(stat["value"]) for stat in found})

    async def user_requests(self) -> str:
        """Return what Envoy has counted of users' requests since its start, in Prometheus' text."""
        return (await self._call("GET", "/stats/prometheus", filter=f"^{REQUESTS_PREFIX}\\.")).text

    async def is_draining(self) -> bool:
        """Tell whether Envoy asks its clients to leave."""
        answer = await self._call("GET", "/server_info")
        return bool(answer.json()["state"] == "DRAINING")

    async def drain(self) -> None:
        """Ask clients to leave: answers say `Connection: close` (HTTP/2: GOAWAY). New connections are taken still."""
        await self._call("POST", "/healthcheck/fail")

    async def undrain(self) -> None:
        """Take `drain` back."""
        await self._call("POST", "/healthcheck/ok")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _epoch(self) -> str:
        answer = await self._call("GET", "/server_info")
        return str(answer.json()["node"]["metadata"]["epoch"])

    async def _call(self, method: str, path: str, **query: str) -> httpx.Response:
        try:
            answer = await self._client.request(method, path, params=query)
            return answer.raise_for_status()
        except httpx.HTTPError as error:
            what = str(error) or type(error).__name__
            raise EnvoyAway(f"Envoy's admin interface did not answer {method} {path}: {what}") from error


def _file_state(stats: dict[str, Any], prefix: str) -> FileState:
    return FileState(
        version=str(stats.get(f"{prefix}.version_text", "")), rejected=int(stats.get(f"{prefix}.update_rejected", 0))
    )
