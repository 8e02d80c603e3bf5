"""A connection to a cluster's API server, made as its kubeconfig says: a kubectl for each question costs much more."""

import functools
import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

from kubernetes import client
from kubernetes.config import new_client_from_config

Object = dict[str, Any]

_TIMEOUT = 30.0
"""Seconds, for an answer to begin. A watch then stays silent as long as nothing happens."""
_OK = 200


class ApiError(RuntimeError):
    """The API server refused, or was not there."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        """HTTP; 0: there was no answer."""


class ApiConnection:
    """One question at a time. `close` may be called from another thread: it ends a watch."""

    def __init__(self, kubeconfig: str, context: str) -> None:
        """`kubeconfig`: path; empty: kubectl's own default."""
        self._configuration = configuration_of(kubeconfig, context)
        self._socket: socket.socket | None = None
        self._closed = False

    def read(self, path: str, **query: str) -> Object:
        """An object, or a list. Raises ApiError."""
        with self._answer(path, query) as answer:
            found: Object = json.loads(answer.read())
        return found

    def watch(self, path: str, **query: str) -> Iterator[Object]:
        """Events, until the API server or `close` ends them. Raises ApiError."""
        with self._answer(path, {**query, "watch": "1"}) as answer:
            if self._socket:
                self._socket.settimeout(None)
            with suppress(OSError, ValueError, http.client.HTTPException, AttributeError):  # it was closed meanwhile
                while line := answer.readline():
                    yield json.loads(line)

    def close(self) -> None:
        """End what is being read, and let nothing more be asked."""
        self._closed = True
        if self._socket:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _answer(self, path: str, query: dict[str, str]) -> http.client.HTTPResponse:
        if self._closed:
            raise ApiError("this connection was closed")
        connection = self._connect()
        token = self._configuration.get_api_key_with_prefix("authorization")
        headers = {"Accept": "application/json"} | ({"Authorization": token} if token else {})
        try:
            connection.connect()
            self._socket = connection.sock  # the answer may take it from the connection
            if self._closed:  # meanwhile
                connection.auto_open = 0
                connection.close()
            connection.request(
                "GET", f"{urlsplit(self._configuration.host).path}{path}?{urlencode(query)}", headers=headers
            )
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(f"GET {path}: {type(error).__name__}: {error}") from error
        if answer.status != _OK:
            raise ApiError(f"GET {path}: {answer.status} {answer.read().decode(errors='replace')}", answer.status)
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        at = urlsplit(self._configuration.host)
        if at.scheme == "http":
            return http.client.HTTPConnection(str(at.hostname), at.port or 80, timeout=_TIMEOUT)
        context = _context(self._configuration)
        return http.client.HTTPSConnection(str(at.hostname), at.port or 443, timeout=_TIMEOUT, context=context)


@functools.cache
def configuration_of(kubeconfig: str, context: str) -> client.Configuration:
    """The API server's address, and the files and tokens that it knows this user by."""
    found: client.Configuration = new_client_from_config(kubeconfig or None, context).configuration
    return found


@functools.cache
def _context(configuration: client.Configuration) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context
