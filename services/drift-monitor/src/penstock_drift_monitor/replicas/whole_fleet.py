"""What other replicas watch: asked of each when somebody looks at the page of all models."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import httpx
from fastapi import APIRouter, Response
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from penstock_contracts.base import evolve
from penstock_contracts.monitor_replicas import MonitorReplica
from penstock_drift_monitor.pages.source import FleetElsewhere, ReportSource, SilentReplica, WatchedModel
from penstock_drift_monitor.replicas.share import ReplicaShare

WATCHED_PATH: Final = "/v1/watched"
MOST_BYTES: Final = 16 * 2**20
"""Of one replica's answer."""
_AT_ONCE: Final = 4
_MODELS: Final = TypeAdapter(list[WatchedModel])


def watched_routes(source: ReportSource) -> APIRouter:
    """What replicas ask one another."""
    router = APIRouter(tags=["replicas"])

    @router.get(WATCHED_PATH)
    async def watched() -> Response:
        """Give every model that this replica watches, for the page of all models."""
        models = await source.watched()
        return Response(await asyncio.to_thread(_written, models), media_type="application/json")

    return router


@dataclass
class WholeFleet:
    """Answers pages.source.OtherReplicas. Who looks while others are being asked gets that answer."""

    share: ReplicaShare
    seconds: float
    """For a replica to answer in, from the connection to the last byte."""
    _asking: asyncio.Task[FleetElsewhere] | None = field(default=None, init=False)

    async def watched(self) -> FleetElsewhere:
        """Ask every other replica; those that do not answer in time are named."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._all(), name="fleet")
        return await asyncio.shield(self._asking)

    async def _all(self) -> FleetElsewhere:
        turn = asyncio.Semaphore(_AT_ONCE)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(trust_env=False, limits=limits, timeout=self.seconds) as client:
            asked = (self._of(replica, client, turn) for replica in self.share.others())
            found = await asyncio.gather(*asked)
        return FleetElsewhere(
            models=[model for each in found if not isinstance(each, SilentReplica) for model in each],
            silent=[each for each in found if isinstance(each, SilentReplica)],
        )

    async def _of(
        self, replica: MonitorReplica, client: httpx.AsyncClient, turn: asyncio.Semaphore
    ) -> Sequence[WatchedModel] | SilentReplica:
        try:
            async with turn, asyncio.timeout(self.seconds):
                models = await asyncio.to_thread(_MODELS.validate_json, await _content(client, replica))
        except TimeoutError:
            return SilentReplica(name=replica.name, why=f"no answer within {self.seconds:g} s")
        except (httpx.HTTPError, _Unsuitable) as error:
            return SilentReplica(name=replica.name, why=str(error) or type(error).__name__)
        except ValidationError as error:
            return SilentReplica(
                name=replica.name, why=f"an answer that is not understood: {error.error_count()} errors"
            )
        # Replicas that were started with another number may hold one too many for some seconds.
        return [model for model in models if self._is_held(replica, model)]

    def _is_held(self, replica: MonitorReplica, model: WatchedModel) -> bool:
        return self.share.replicas.holder(model.report.namespace, model.report.name) == replica


class _Unsuitable(Exception):
    """An answer that is none."""


async def _content(client: httpx.AsyncClient, replica: MonitorReplica) -> bytes:
    content = bytearray()
    async with client.stream("GET", f"{replica.url}{WATCHED_PATH}") as answer:
        if not answer.is_success:
            raise _Unsuitable(f"it answers {answer.status_code}")
        async for chunk in answer.aiter_bytes():
            content += chunk
            if len(content) > MOST_BYTES:
                raise _Unsuitable(f"its answer has more than {MOST_BYTES} bytes")
    return bytes(content)


def _written(models: Sequence[WatchedModel]) -> bytes:
    """JSON in which a score may be infinite. The page of all models shows no column's message: it is left out."""
    return to_json([_slim(model) for model in models], inf_nan_mode="constants")


def _slim(model: WatchedModel) -> WatchedModel:
    columns = tuple(evolve(column, message="") for column in model.report.columns)
    return replace(model, report=evolve(model.report, columns=columns))
