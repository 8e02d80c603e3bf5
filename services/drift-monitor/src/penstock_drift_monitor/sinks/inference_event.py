"""Requests of a batch as CloudEvents, with the types and attributes of KServe's logger. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec
import numpy as np

from penstock_contracts.records import RecordBatch
from penstock_drift_monitor.sinks.recorded_columns import RecordedColumn, RequestPlace, places, recorded_columns
from penstock_drift_monitor.timestamps import rfc3339

REQUEST: Final = "org.kubeflow.serving.inference.request"
RESPONSE: Final = "org.kubeflow.serving.inference.response"
_IN_HEADER: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
"""What stands as it is in a header of the HTTP binding; all else is percent-encoded."""
_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, kw_only=True)
class InferenceEvent:
    """One event."""

    attributes: Mapping[str, str]
    data: bytes
    """The request or the response as JSON of the Open Inference Protocol V2, one tensor for each column."""
    record: str
    """Of the request that it is of."""
    rows: int

    def headers(self) -> dict[str, str]:
        """HTTP headers of binary mode."""
        named = {f"ce-{name}": quote(value, safe=_IN_HEADER) for name, value in self.attributes.items()}
        return {**named, "content-type": "application/json"}

    def structured(self) -> bytes:
        """The event as one JSON object, as it stands in a batch."""
        return _json({**self.attributes, "datacontenttype": "application/json", "data": msgspec.Raw(self.data)})


def events_of(batch: RecordBatch, came: float) -> Iterator[InferenceEvent]:
    """Give each request's event and then its response's. `came`: Unix seconds; no event is later than that.

    Both have the request's id, as KServe has it, so they differ by source too: that and id are what CloudEvents
    are told apart by. `recordid` stays the same when an event is sent again, and no two records share it.
    """
    inputs, outputs = recorded_columns(batch)
    model = {"model_name": batch.name, "model_version": batch.version}
    for place in places(batch, came):
        attributes = _attributes(batch, place)
        asked = {"id": attributes["id"], "inputs": _tensors(inputs, place)}
        told = {**model, "id": attributes["id"], "outputs": _tensors(outputs, place)}
        for kind, word, body in ((REQUEST, "request", asked), (RESPONSE, "response", told)):
            yield InferenceEvent(
                attributes={**attributes, "type": kind, "source": f"{attributes['source']}/{word}"},
                data=_json(body),
                record=place.record,
                rows=place.request.rows,
            )


def _attributes(batch: RecordBatch, place: RequestPlace) -> dict[str, str]:
    at = rfc3339(place.at, "microseconds")
    request = place.request
    path = (("namespaces", batch.namespace), ("modeldeployments", batch.name), ("versions", batch.version))
    return {
        "specversion": "1.0",
        "id": request.id or place.record,
        "source": "".join(f"/{kind}/{quote(name, safe='')}" for kind, name in path),
        "type": "",
        "time": at,
        "inferenceservicename": batch.name,
        "namespace": batch.namespace,
        "component": "predictor",
        "endpoint": "shadow" if request.shadow else "default",
        "modelversion": batch.version,
        "modeldigest": batch.digest,
        "revision": batch.revision,
        "recordid": place.record,
        "partitionkey": request.id or place.record,
    }


def _tensors(columns: Mapping[str, RecordedColumn], place: RequestPlace) -> list[dict[str, Any]]:
    rows = place.request.rows
    return [
        {"name": name, "shape": [rows, 1], "datatype": column.datatype, "data": _values(column, place.start, rows)}
        for name, column in columns.items()
    ]


def _values(column: RecordedColumn, start: int, rows: int) -> list[Any]:
    """Values in JSON's terms; what JSON has no number for becomes null, as in the predictor's answers."""
    part = column.values[start : start + rows]
    if not isinstance(part, np.ndarray):
        return list(part)
    if part.dtype in (np.float16, np.float32):
        return [float(str(value)) for value in part]  # the shortest number that is this one again
    return list(part.tolist())
