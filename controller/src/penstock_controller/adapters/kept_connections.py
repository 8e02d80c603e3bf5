"""Requests over connections that are kept open between calls, which a server may close at any moment."""

import httpx

_MAY_BE_REPEATED = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""Idempotent methods (RFC 9110, 9.2.2): a second one has the effect of the first."""


async def sent(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """Send; a response whose body is not read yet, for the caller to close.

    A server closes a connection that was idle for long, and what is sent at that moment gets no answer though the
    server is well. So a request that may be repeated, and whose connection ended before any answer, is sent once more.
    Raises httpx.HTTPError.
    """
    try:
        return await client.send(request, stream=True)
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
        if request.method not in _MAY_BE_REPEATED:
            raise
    return await client.send(request, stream=True)
