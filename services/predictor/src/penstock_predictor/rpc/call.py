"""One call: counted as HTTP's are, refused in gRPC's words, with the metadata that HTTP has as headers."""

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, NoReturn, Protocol, TypeVar

from grpc import StatusCode
from grpc.aio import ServicerContext

from penstock_contracts.names import HEADER_DIGEST, HEADER_REQUEST_ID, HEADER_SHADOW
from penstock_predictor.errors import RequestError
from penstock_predictor.serving.call import Origin
from penstock_predictor.serving.runtime import Runtime
from penstock_predictor.tracing.trace import TRACE_PARENT, Trace

CLIENT_GONE = 499

_CODES = {
    HTTPStatus.BAD_REQUEST: StatusCode.INVALID_ARGUMENT,
    HTTPStatus.NOT_FOUND: StatusCode.NOT_FOUND,
    HTTPStatus.REQUEST_TIMEOUT: StatusCode.DEADLINE_EXCEEDED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: StatusCode.INVALID_ARGUMENT,
    HTTPStatus.UNPROCESSABLE_ENTITY: StatusCode.INVALID_ARGUMENT,
    HTTPStatus.TOO_MANY_REQUESTS: StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: StatusCode.RESOURCE_EXHAUSTED,
    CLIENT_GONE: StatusCode.CANCELLED,
    HTTPStatus.INTERNAL_SERVER_ERROR: StatusCode.INTERNAL,
    HTTPStatus.SERVICE_UNAVAILABLE: StatusCode.UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: StatusCode.DEADLINE_EXCEEDED,
}


def grpc_code(status: int) -> StatusCode:
    """Code of a refusal; for one that gRPC has no word for, UNKNOWN."""
    return _CODES.get(status, StatusCode.UNKNOWN)


_MOST_SAID = 1000
"""Characters of a refusal: it travels as a header, and clients refuse headers over 8 KiB; UTF-8 is escaped there."""

CURRENT_TRACE: ContextVar[Trace | None] = ContextVar("CURRENT_TRACE", default=None)
"""Of the call that this task answers, where it is traced."""

_log = logging.getLogger(__name__)


class Servicer(Protocol):
    """What serves calls over a runtime."""

    runtime: Runtime


_S = TypeVar("_S", bound=Servicer)
_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_Context = ServicerContext[Any, Any]


_Handler = Callable[[_S, _Request, _Context], Awaitable[_Response]]


def answer_call(method: _Handler[_S, _Request, _Response]) -> _Handler[_S, _Request, _Response]:
    """Make a handler of a method that raises a RequestError for what it refuses."""
    route = f"grpc:{method.__name__}"

    @functools.wraps(method)
    async def handle(self: _S, request: _Request, context: _Context) -> _Response:
        call = _Call(self.runtime, context)
        code: int = HTTPStatus.OK
        try:
            return await method(self, request, context)
        except asyncio.CancelledError:
            code = call.early_end_code()
            raise
        except RequestError as error:
            code = error.status
            return await call.refuse(error)
        except Exception as error:  # noqa: BLE001 - the outermost frame: gRPC would answer with the exception's words
            code = HTTPStatus.INTERNAL_SERVER_ERROR
            _log.exception("a call failed in a way nobody foresaw", extra={"route": route})
            return await call.refuse(RequestError(f"internal error: {type(error).__name__}: see the log of this pod"))
        finally:
            call.count(route, code)

    return handle


class _Call:
    def __init__(self, runtime: Runtime, context: _Context) -> None:
        self._runtime = runtime
        self._context = context
        self._started = time.monotonic()
        self._trace = self._begin_trace()
        context.set_trailing_metadata(self._metadata())

    def _metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        metadata = [
            (key, value) for key, value in self._context.invocation_metadata() or () if key == HEADER_REQUEST_ID
        ]
        if self._runtime.model is not None:
            metadata.append((HEADER_DIGEST, self._runtime.model.identity.digest))
        return tuple(metadata)

    async def refuse(self, error: RequestError) -> NoReturn:
        """End the call with a status; its trailing metadata stays what was set."""
        if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:  # not the caller's fault: someone should look
            _log.error("inference failed", extra={"error": str(error)})
        await self._context.abort(grpc_code(error.status), str(error)[:_MOST_SAID])

    def early_end_code(self) -> int:
        """Which code a caller is counted under who did not wait: its deadline passed, or it hung up."""
        return HTTPStatus.GATEWAY_TIMEOUT if self._context.time_remaining() == 0 else CLIENT_GONE

    def count(self, route: str, code: int) -> None:
        now = time.monotonic()
        self._runtime.metrics.count_answer(route=route, code=code, seconds=now - self._started)
        if self._trace is not None and self._runtime.tracer is not None:
            self._runtime.tracer.end(self._trace, route, code, now)

    def _begin_trace(self) -> Trace | None:
        if self._runtime.tracer is None:
            return None
        parent = dict(self._context.invocation_metadata() or ()).get(TRACE_PARENT.decode())
        if not isinstance(parent, str):
            return None
        request_id, shadow = origin_of(self._context)
        trace = self._runtime.tracer.begin(parent.encode(), self._started, request_id, shadow=shadow)
        CURRENT_TRACE.set(trace)
        return trace


def origin_of(context: _Context) -> Origin:
    """Who asked, by the call's metadata: what HTTP has as headers."""
    metadata = dict(context.invocation_metadata() or ())
    request_id = metadata.get(HEADER_REQUEST_ID)
    return request_id.encode() if isinstance(request_id, str) else request_id, HEADER_SHADOW in metadata
