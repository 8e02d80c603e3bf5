"""Every way in which the predictor refuses.

PredictorError
├── RequestError: one request is refused; `status` is its HTTP code
│   ├── BadRequest 400, UnknownModel 404, BodyTimeout 408, BodyTooLarge 413, UnsupportedMedia 415, DoesNotFit 422
│   ├── Overloaded 429, HeadTooLarge 431, ClientGone 499
│   └── InferenceFailed 500, NotReady 503, FeaturesAway 503, DeadlineExceeded 504
└── StartError: this model cannot be served, or not here; the process ends
    ├── StoreUnavailable, StoreRefused: the model store gave no bytes, or never will
    ├── CardInvalid, FileInvalid, DigestMismatch: what lies on disk is not what was asked for
    ├── ModelUnloadable: onnxruntime refuses it, or it needs what we do not serve
    ├── WarmUpFailed, GoldenMismatch: it loads, but does not answer, or answers wrong
    ├── PortTaken: another process listens where this one should
    └── WorkersDie: one worker after the other ends by itself
"""

import contextlib
import logging
from http import HTTPStatus
from pathlib import Path

_log = logging.getLogger(__name__)


class PredictorError(Exception):
    """Base of all refusals. The message says what failed, on which object, and what to do."""


class RequestError(PredictorError):
    """One request is refused; the model goes on serving."""

    status: int = HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def headers(self) -> dict[str, str]:
        """What the refusal says beside its body."""
        return {}


class BadRequest(RequestError):
    """Malformed: no JSON, or not the protocol's JSON."""

    status = HTTPStatus.BAD_REQUEST


class DoesNotFit(RequestError):
    """Well-formed, but it does not fit this model: a wrong shape or type, an unknown column."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class UnsupportedMedia(RequestError):
    """A content type or content encoding that nothing here reads."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class UnknownModel(RequestError):
    """A model name or version that this pod does not serve."""

    status = HTTPStatus.NOT_FOUND


class BodyTimeout(RequestError):
    """The body did not arrive within the request's time limit."""

    status = HTTPStatus.REQUEST_TIMEOUT

    @property
    def headers(self) -> dict[str, str]:
        """The rest of the body would be read as the next request."""
        return {"connection": "close"}


class BodyTooLarge(RequestError):
    """The body has more bytes than one request may have."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Overloaded(RequestError):
    """There is no room: as many requests, or bytes, as allowed are accepted, or they would outlast its deadline."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    REASONS = ("requests", "bytes", "time")

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """One of REASONS: what there was too much of."""

    @property
    def headers(self) -> dict[str, str]:
        """A whole second is the smallest wait that the header can name."""
        return {"retry-after": "1"}


class HeadTooLarge(RequestError):
    """Request line and headers pass their limit; what follows on that connection cannot be told apart."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class ClientGone(RequestError):
    """The caller hung up before its body was complete; nobody reads this answer, metrics count it."""

    status = 499


class InferenceFailed(RequestError):
    """onnxruntime failed on an input that the graph's signature allows."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


def as_refusal(error: BaseException) -> RequestError:
    """A RequestError as it is; whatever nobody foresaw is logged and becomes InferenceFailed."""
    if isinstance(error, RequestError):
        return error
    _log.error("a request failed in a way nobody foresaw", exc_info=error)
    return InferenceFailed(f"internal error: {type(error).__name__}: see the log of this pod")


class NotReady(RequestError):
    """The model is not loaded yet."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    @property
    def headers(self) -> dict[str, str]:
        """Let the caller connect anew, perhaps to a pod that is ready."""
        return {"connection": "close", "retry-after": "1"}


class FeaturesAway(RequestError):
    """The feature store gave nothing, and this request is not to be answered without it."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    @property
    def headers(self) -> dict[str, str]:
        """It may be back soon."""
        return {"retry-after": "1"}


class DeadlineExceeded(RequestError):
    """The request's time limit passed before the answer was there."""

    status = HTTPStatus.GATEWAY_TIMEOUT


class StartError(PredictorError):
    """This model cannot be served: the process ends and says why."""


class StoreUnavailable(StartError):
    """The model store did not give the bytes within the time limit.

    Ask the administrator: is the model store up, and may pods of this namespace reach it?
    """


class StoreRefused(StartError):
    """The model store refuses this request: asking again will not help.

    Ask the administrator whether the model store still has the version; its log says why not.
    """


class CardInvalid(StartError):
    """The model card is missing, unreadable, or names what it must not name.

    Do model store and predictor have the same release? Ask the administrator.
    """


class FileInvalid(StartError):
    """A file is missing, or has other bytes than the card says.

    Delete the pod: the next one fetches the files again.
    """


class DigestMismatch(StartError):
    """The files are a model, but not the one that was asked for.

    Delete the pod: the next one fetches the files again. If it lasts, tell the administrator.
    """


class ModelUnloadable(StartError):
    """onnxruntime refuses the model, or a tensor has a type that is not served.

    Give the pods more memory (spec.predictor.resources), or export the model again.
    """


class WarmUpFailed(StartError):
    """The model was loaded and cannot answer its first request.

    Log the model with an input example that it answers.
    """


class GoldenMismatch(StartError):
    """The model answers the golden request otherwise than it did at ingest.

    Remove what is random or depends on the machine from the model, and log it again.
    """


class PortTaken(StartError):
    """Another process listens there, or this one may not.

    Take away what the pod template adds on the pod's ports 8000 and 8001.
    """


class WorkersDie(StartError):
    """Workers are replaced and die again: this pod had better be started anew, where Kubernetes shows it.

    Give the pods more memory (spec.predictor.resources), or fewer workers (spec.predictor.workers).
    """


_KUBERNETES_LIMIT = 4096
"""Bytes that the kubelet keeps."""

_log = logging.getLogger(__name__)


def report_failure(error: StartError, termination_log: Path) -> None:
    """Say why the process ends, in its log and for the kubelet. On a laptop there is no such file: the log is all."""
    message = f"{type(error).__name__}: {error}"
    _log.error(message)
    with contextlib.suppress(OSError):
        termination_log.write_bytes(message.encode()[:_KUBERNETES_LIMIT])
