"""Where the truth comes in."""

import asyncio
import csv
import io
import time
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from penstock_contracts.labels import LABELS_PATH, Label, LabelBatch, LabelOutcome
from penstock_drift_monitor.errors import TooLarge, Unreadable
from penstock_drift_monitor.intake import MAX_TEXT
from penstock_drift_monitor.label_store import ReadLabel, ReadLabels
from penstock_drift_monitor.label_text import label_text
from penstock_drift_monitor.quality_rounds import QualityRounds
from penstock_drift_monitor.replicas.passing_on import NamedResource, PassingOn
from penstock_drift_monitor.room import Room
from penstock_drift_monitor.telemetry import DriftMonitorTelemetry
from penstock_drift_monitor.writer import Writer

_MAX_EXAMPLES = 10
_MAX_ROW = 2**31


def label_routes(
    writer: Writer,
    telemetry: DriftMonitorTelemetry,
    room: Room,
    rounds: QualityRounds,
    max_labels: int,
    *,
    passing_on: PassingOn,
) -> APIRouter:
    """Labels come in."""
    router = APIRouter(tags=["labels"])

    @router.post(LABELS_PATH, response_model=LabelOutcome)
    async def labels(request: Request, namespace: str = "", name: str = "") -> LabelOutcome | Response:
        """Take labels as JSON (LabelBatch) or CSV (header id,label[,row][,at]); each is counted by its outcome."""
        kind = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
        with room.take(request):
            body = await room.body(request)
            batch = await asyncio.to_thread(read_labels, body, kind)
            if len(batch.labels) > max_labels:
                raise TooLarge(f"{len(batch.labels)} labels, more than {max_labels}: send them in parts")
            namespace, name = batch.namespace or namespace, batch.name or name
            if not namespace or not name:
                raise Unreadable("namespace and name of the ModelDeployment are missing: give them in body or query")
            elsewhere = await passing_on.answered(NamedResource(namespace=namespace, name=name), request, body)
            if elsewhere is not None:
                return elsewhere
            read = await asyncio.to_thread(checked, batch)
            now = time.time()
            outcome = await writer.do(lambda ledger: ledger.take_labels(namespace, name, read, now))
        telemetry.labels_came(namespace, name, outcome)
        if outcome.joined:
            rounds.labels_came(namespace, name)
        return outcome

    return router


def read_labels(body: bytes, kind: str) -> LabelBatch:
    """Decode a body of media type `kind`. Raises Unreadable, naming the first place that is wrong."""
    try:
        if kind == "text/csv":
            return LabelBatch.model_validate({"labels": _csv_rows(body)})
        return LabelBatch.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise Unreadable(
            f'{where}: {first["msg"]}: send {{"labels": [{{"id": "...", "row": 0, "label": 1}}]}}, or text/csv with '
            "the header id,label,row"
        ) from error


def _csv_rows(body: bytes) -> list[dict[str, Any]]:
    try:
        reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        header = reader.fieldnames or []
        if not {"id", "label"} <= set(header):
            raise Unreadable(
                f"the header is {','.join(header)[:200]!r}: it must name id and label, and may name row and at"
            )
        return [_csv_row(row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"the body is no CSV in UTF-8: {error}") from error


def _csv_row(row: dict[str, Any]) -> dict[str, Any]:
    found = {"id": row["id"] or "", "label": row["label"] or ""}
    if row.get("row"):
        found["row"] = row["row"]
    if row.get("at"):
        found["at"] = row["at"]
    return found


def checked(batch: LabelBatch) -> ReadLabels:
    """Bring labels into the form they are kept in; those that are none are counted, with examples."""
    read: list[ReadLabel] = []
    examples: list[str] = []
    for index, label in enumerate(batch.labels):
        try:
            read.append(_checked(label))
        except ValueError as error:
            examples.append(f"label {index}: {error}")
    return ReadLabels(read, invalid=len(examples), examples=tuple(examples[:_MAX_EXAMPLES]))


def _checked(label: Label) -> ReadLabel:
    request, text = str(label.id), label_text(label.label)
    if not 0 < len(request) <= MAX_TEXT:
        raise ValueError(f"the id has {len(request)} characters: it must have 1 to {MAX_TEXT}")
    if len(text) > MAX_TEXT or label.row >= _MAX_ROW:
        raise ValueError(f"label or row is too large: a label has at most {MAX_TEXT} characters")
    return ReadLabel(request=request, row=label.row, label=text, at=_time(label.at))


def _time(at: str | float | None) -> float | None:
    if at is None or isinstance(at, float):
        return at
    try:
        return float(at)
    except ValueError:
        moment = datetime.fromisoformat(at)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
