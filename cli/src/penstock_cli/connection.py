"""The API server: whom the kubeconfig names, asked in JSON. Each call has a time-out."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kubernetes import config
from kubernetes.client import ApiClient, ApiException, Configuration
from urllib3.exceptions import HTTPError

from penstock_cli.errors import Trouble
from penstock_cli.refusals import refusal

Object = dict[str, Any]

_SECONDS = 10.0
"""For each call; for a watch: until its connection stands."""
_GRACE_SECONDS = 5.0
"""A watch that says nothing for that long after its end is given up."""
_CHUNK = 65536
_BAD = 400


class Connection:
    """One cluster, as one person."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    def get(self, path: str, what: str, **query: str) -> Object:
        """Read. Raises Trouble; Gone where there is nothing. `what` names the call in messages."""
        answer: Object = json.loads(self._send("GET", path, what, query).read())
        return answer

    def patch(self, path: str, what: str, body: Object) -> Object:
        """Merge into an object. Raises Trouble; Conflict where `body` names an old resourceVersion."""
        answer: Object = json.loads(self._send("PATCH", path, what, {}, body=body).read())
        return answer

    def watch(self, path: str, what: str, seconds: int, **query: str) -> Iterator[Object]:
        """Events until the API server ends the watch. Raises Trouble."""
        query = query | {"watch": "true", "timeoutSeconds": str(seconds), "allowWatchBookmarks": "true"}
        answer = self._send("GET", path, what, query, timeout=(_SECONDS, seconds + _GRACE_SECONDS))
        try:
            yield from (json.loads(line) for line in _lines(answer.response))
        except (HTTPError, OSError) as error:
            raise self._away(what, error) from error
        finally:
            answer.response.close()

    def _send(
        self,
        method: str,
        path: str,
        what: str,
        query: Mapping[str, str],
        *,
        body: Object | None = None,
        timeout: float | tuple[float, float] = _SECONDS,
    ) -> Any:
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/merge-patch+json"} if body else {})
        asked = self._api.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            answer = self._api.call_api(*asked, _request_timeout=timeout)
            told = answer.read() if answer.status >= _BAD else b""
        except (HTTPError, ApiException, OSError) as error:
            raise self._away(what, error) from error
        if answer.status >= _BAD:
            raise refusal(what, answer.status, told)
        return answer

    def _away(self, what: str, error: Exception) -> Trouble:
        cause = getattr(error, "reason", None) or error
        return Trouble(f"{what}: the API server {self._api.configuration.host} does not answer: {cause}")


def _lines(response: Any) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line for line in lines if line)


def connect(kubeconfig: str | None, context: str | None) -> Connection:
    """The cluster of a context; None: as kubectl would choose. Raises Trouble."""
    configuration = Configuration()
    try:
        config.load_kube_config(kubeconfig, context, configuration)
    except (config.ConfigException, OSError, ValueError) as error:
        raise _no_cluster(error) from error
    configuration.retries = 0
    return Connection(ApiClient(configuration))


def namespace_of(kubeconfig: str | None, context: str | None) -> str:
    """The namespace that a context names. Raises Trouble."""
    try:
        contexts, active = config.list_kube_config_contexts(kubeconfig)
    except (config.ConfigException, OSError, ValueError) as error:
        raise _no_cluster(error) from error
    chosen = next((item for item in contexts if item["name"] == context), active)
    return str((chosen or {}).get("context", {}).get("namespace") or "default")


def contexts_of(kubeconfig: str | None) -> list[str]:
    """The names of a kubeconfig's contexts. Raises Trouble."""
    try:
        contexts, _ = config.list_kube_config_contexts(kubeconfig)
    except (config.ConfigException, OSError, ValueError) as error:
        raise _no_cluster(error) from error
    return [str(item["name"]) for item in contexts]


def _no_cluster(error: Exception) -> Trouble:
    return Trouble(f"no cluster to ask: {error}; name a context with --context or a file with --kubeconfig")
