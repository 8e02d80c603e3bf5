"""Spans of what was noted, by OpenTelemetry's SDK, and their way to a collector. Loaded in the thread that sends."""

import time
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import SpanKind, Status, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from penstock_contracts.build import VERSION
from penstock_predictor.settings import PredictorSettings
from penstock_predictor.tracing.trace import TRACE_PARENT, Trace

_SERVICE: Final = "penstock-predictor"
_ERROR: Final = 500
"""The least status that is this server's fault."""


class Spans:
    """Makes and sends them. The environment says where to and how: OTEL_EXPORTER_OTLP_ENDPOINT and its like."""

    def __init__(self, settings: PredictorSettings) -> None:
        resource = Resource.create(Resource({SERVICE_NAME: _SERVICE}).merge(_of_model(settings)).attributes)
        # Who began a trace has decided whether it is sampled; none begins here.
        provider = TracerProvider(resource=resource, sampler=ParentBased(ALWAYS_OFF), shutdown_on_exit=False)
        self._ended = _Ended()
        provider.add_span_processor(self._ended)
        self._tracer = provider.get_tracer(_SERVICE, VERSION)
        self._propagator = TraceContextTextMapPropagator()
        self._exporter = OTLPSpanExporter()

    def make(self, trace: Trace) -> list[ReadableSpan]:
        """The request, in it the wait for a run, and the run; none where the trace context cannot be read."""
        parent = self._propagator.extract({TRACE_PARENT.decode(): trace.parent.decode("latin-1")})
        if not get_current_span(parent).get_span_context().is_valid:
            return []
        to_unix = time.time_ns() - time.monotonic_ns()

        def at(seconds: float) -> int:
            return int(seconds * 1e9) + to_unix

        request = self._tracer.start_span(
            trace.route,
            parent,
            SpanKind.SERVER,
            attributes=_of_request(trace),
            start_time=at(trace.started),
        )
        if trace.run_ended:
            inside = set_span_in_context(request)
            wait = self._tracer.start_span("queue", inside, start_time=at(trace.queued))
            wait.end(at(trace.run_started))
            run = self._tracer.start_span("run", inside, attributes=_of_run(trace), start_time=at(trace.run_started))
            run.end(at(trace.run_ended))
        if trace.code >= _ERROR:
            request.set_status(Status(StatusCode.ERROR))
        request.end(at(trace.ended))
        return self._ended.take()

    def send(self, spans: list[ReadableSpan]) -> bool:
        """Whether the collector took them. Tries for as long as the environment allows; 10 s by default."""
        return self._exporter.export(spans) is SpanExportResult.SUCCESS

    def close(self) -> None:
        """Close the connection."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _Ended(SpanProcessor):
    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self._spans.append(span)

    def take(self) -> list[ReadableSpan]:
        spans, self._spans = self._spans, []
        return spans


def _of_model(settings: PredictorSettings) -> Resource:
    """What the environment says of this pod goes before it."""
    model = {
        "penstock.model": settings.model_name,
        "penstock.version": settings.model_version,
        "penstock.digest": settings.model_digest,
    }
    return Resource({name: value for name, value in model.items() if value}).merge(OTELResourceDetector().detect())


def _of_request(trace: Trace) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "http.response.status_code": trace.code,
        "penstock.shadow": trace.shadow,
    }
    if trace.request_id:
        attributes["penstock.request_id"] = trace.request_id.decode("latin-1")
    if trace.rows:
        attributes["penstock.rows"] = trace.rows
    return attributes


def _of_run(trace: Trace) -> dict[str, AttributeValue]:
    return {"penstock.batch.rows": trace.batch_rows, "penstock.batch.requests": trace.batch_requests}
