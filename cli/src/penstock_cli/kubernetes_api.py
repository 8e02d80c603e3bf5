"""The API server, asked in JSON. Each call has a time-out."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kubernetes.client import ApiClient, ApiException
from urllib3.exceptions import HTTPError

from penstock_cli.api_errors import error_of
from penstock_cli.errors import CliError, UnreadableObject
from penstock_cli.kubernetes_objects import JsonObject

_SECONDS = 10.0
"""For each call; for a watch: until its connection stands."""
_GRACE_SECONDS = 5.0
"""A watch that says nothing for that long after its end is given up."""
_CHUNK = 65536
_BAD = 400


class KubernetesApi:
    """One cluster's API server, as one person."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    def get(self, path: str, what: str, **query: str) -> JsonObject:
        """Read. Raises CliError; ObjectNotFound where there is nothing. `what` names the call in messages."""
        return _json(what, self._send("GET", path, what, query).read())

    def patch(self, path: str, what: str, body: JsonObject) -> None:
        """Merge into an object. Raises CliError; AnnotationConflict where `body` names an old resourceVersion."""
        self._send("PATCH", path, what, {}, body=body).read()

    def watch(self, path: str, what: str, seconds: int, **query: str) -> Iterator[JsonObject]:
        """Events until the API server ends the watch. Raises CliError."""
        query = query | {"watch": "true", "timeoutSeconds": str(seconds), "allowWatchBookmarks": "true"}
        answer = self._send("GET", path, what, query, timeout=(_SECONDS, seconds + _GRACE_SECONDS))
        try:
            yield from (_json(what, line) for line in _lines(answer.response))
        except (HTTPError, OSError) as error:
            raise self._no_answer(what, error) from error
        finally:
            answer.response.close()

    def _send(
        self,
        method: str,
        path: str,
        what: str,
        query: Mapping[str, str],
        *,
        body: JsonObject | None = None,
        timeout: float | tuple[float, float] = _SECONDS,
    ) -> Any:
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/merge-patch+json"} if body else {})
        request = self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            answer = self._client.call_api(*request, _request_timeout=timeout)
            error_body = answer.read() if answer.status >= _BAD else b""
        except (HTTPError, ApiException, OSError) as error:
            raise self._no_answer(what, error) from error
        if answer.status >= _BAD:
            raise error_of(what, answer.status, error_body)
        return answer

    def _no_answer(self, what: str, error: Exception) -> CliError:
        cause = getattr(error, "reason", None) or error
        return CliError(f"{what}: the API server {self._client.configuration.host} does not answer: {cause}")


def _json(what: str, body: bytes) -> JsonObject:
    try:
        found: JsonObject = json.loads(body)
    except ValueError as error:
        raise UnreadableObject(
            f"{what}: the answer is no JSON ({error}): does this context name a Kubernetes API server?"
        ) from error
    return found


def _lines(response: Any) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line for line in lines if line)
