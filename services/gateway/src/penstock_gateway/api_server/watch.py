"""The API server's objects, listed and then watched, for as long as the process runs.

Three time-outs end what hangs: for connecting, for silence on the wire, and the server's own end of each watch.
"""

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import load_incluster_config, load_kube_config

from penstock_contracts.names import GROUP, LABEL_MODEL_DEPLOYMENT, PLURAL, VERSION
from penstock_gateway.api_server.latest_snapshot import LatestSnapshot
from penstock_gateway.api_server.snapshot import ApiServerSnapshot

_log = logging.getLogger(__name__)
_PAGE = 500
_FAILURES = (ApiException, aiohttp.ClientError, TimeoutError, OSError)

Item = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class WatchedKind:
    """What to watch, and how it changes the snapshot."""

    group: str
    plural: str
    selector: str
    fold_list: Callable[[ApiServerSnapshot, Iterable[Item]], ApiServerSnapshot]
    fold_change: Callable[[ApiServerSnapshot, Item], ApiServerSnapshot]
    fold_deletion: Callable[[ApiServerSnapshot, Item], ApiServerSnapshot]

    def path(self, namespace: str) -> str:
        """Return the collection's path; without a namespace, all of them."""
        scope = f"/namespaces/{namespace}" if namespace else ""
        return f"/apis/{self.group}{scope}/{self.plural}"


MODEL_DEPLOYMENTS = WatchedKind(
    group=f"{GROUP}/{VERSION}",
    plural=PLURAL,
    selector="",
    fold_list=ApiServerSnapshot.with_model_deployments,
    fold_change=ApiServerSnapshot.with_model_deployment,
    fold_deletion=ApiServerSnapshot.without_model_deployment,
)
ENDPOINT_SLICES = WatchedKind(
    group="discovery.k8s.io/v1",
    plural="endpointslices",
    selector=LABEL_MODEL_DEPLOYMENT,
    fold_list=ApiServerSnapshot.with_slices,
    fold_change=ApiServerSnapshot.with_slice,
    fold_deletion=ApiServerSnapshot.without_slice,
)


@dataclass(frozen=True, kw_only=True)
class WatchTimeouts:
    """Seconds."""

    connect: float = 5.0
    list_total: float = 30.0
    watch_server: int = 30
    """The server ends a watch after this; the next one goes on where it ended."""
    watch_silence: float = 40.0
    """Longer than `watch_server`: silence beyond it means that the server or the way to it is gone."""
    retry_first: float = 0.2
    retry_last: float = 5.0


class WatchExpired(Exception):
    """The resource version is too old to go on from: list again."""


async def connect(kubeconfig: str, in_cluster: bool) -> ApiClient:
    """Return a client by the kubeconfig (empty: the default place), or by the pod's service account."""
    configuration = Configuration()
    if in_cluster and not kubeconfig:
        load_incluster_config(client_configuration=configuration)
    else:
        await load_kube_config(config_file=kubeconfig or None, client_configuration=configuration)
    return ApiClient(configuration)


@dataclass
class KindWatch:
    """Keeps one kind of object up to date in the latest snapshot."""

    api: ApiClient
    kind: WatchedKind
    namespace: str
    latest: LatestSnapshot
    timeouts: WatchTimeouts = field(default_factory=WatchTimeouts)
    _version: str = ""
    _failures: int = 0

    async def run(self) -> None:
        """Never return: after any failure, go on from where it was, with growing pauses."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
                self._failures = 0
            except (WatchExpired, ValueError, KeyError) as error:
                # What was read last may never be readable: only a new list is a sure ground.
                self._version = ""
                await self._back_off(error)
            except _FAILURES as error:
                await self._back_off(error)

    async def _back_off(self, error: Exception) -> None:
        self._failures += 1
        pause = min(self.timeouts.retry_last, self.timeouts.retry_first * 2 ** min(self._failures - 1, 10))
        _log.warning(
            "cannot watch %s (%s); the last good state goes on; trying again in %.1f s",
            self.kind.plural,
            _describe(error),
            pause,
        )
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))

    async def _list(self) -> None:
        items: list[Item] = []
        token = ""
        while True:
            page = await self._page(token)
            items += page["items"]
            token = page["metadata"].get("continue") or ""
            if not token:
                break
        self.latest.fold(lambda snapshot: self.kind.fold_list(snapshot, items))
        self._version = page["metadata"]["resourceVersion"]

    async def _page(self, token: str) -> Mapping[str, Any]:
        query = {"limit": str(_PAGE), **({"continue": token} if token else {})}
        timeout = aiohttp.ClientTimeout(total=self.timeouts.list_total, sock_connect=self.timeouts.connect)
        async with await self._get(query, timeout) as response:
            page: Mapping[str, Any] = await response.json()
            return page

    async def _watch(self) -> None:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(self.timeouts.watch_server),
        }
        timeout = aiohttp.ClientTimeout(sock_connect=self.timeouts.connect, sock_read=self.timeouts.watch_silence)
        async with await self._get(query, timeout) as response:
            async for event in _events(response):
                self._failures = 0
                self._fold(event)

    def _fold(self, event: Mapping[str, Any]) -> None:
        item = event["object"]
        match event["type"]:
            case "ADDED" | "MODIFIED":
                self.latest.fold(lambda snapshot: self.kind.fold_change(snapshot, item))
            case "DELETED":
                self.latest.fold(lambda snapshot: self.kind.fold_deletion(snapshot, item))
            case "ERROR":
                raise _error(item)
            case _:  # a bookmark: nothing changed up to its version
                pass
        self._version = item["metadata"]["resourceVersion"]

    async def _get(self, query: Mapping[str, str], limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        selector = {"labelSelector": self.kind.selector} if self.kind.selector else {}
        request = await self.api.param_serialize(
            "GET",
            self.kind.path(self.namespace),
            query_params=list({**query, **selector}.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        method, url, headers, *_ = request
        answer = await self.api.call_api(method, url, headers, _request_timeout=limits)
        response: aiohttp.ClientResponse = answer.response
        if response.status == HTTPStatus.GONE:
            response.release()
            raise WatchExpired
        if response.status != HTTPStatus.OK:
            text = (await response.text())[:500]
            raise ApiException(status=response.status, reason=text)
        return response


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[Mapping[str, Any]]:
    while line := await response.content.readline():
        yield json.loads(line)


def _error(status: Item) -> Exception:
    if status.get("code") == HTTPStatus.GONE:
        return WatchExpired()
    error: Exception = ApiException(status=status.get("code"), reason=status.get("message"))
    return error


def _describe(error: Exception) -> str:
    if isinstance(error, ApiException):
        return f"{error.status} {error.reason}"
    return f"{type(error).__name__}: {error}"
