"""`predict`: a call of a served model."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import numpy as np
import pandas as pd
import requests

from penstock.errors import NoAnswer, NotServed, RequestRefused, RowsRefused

_SHOWN = 500
_REFUSALS = range(400, 500)


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What a version answered."""

    predictions: list[Any]
    """One a row: a label, a number, or the outputs by name."""
    probabilities: list[list[float]] | None
    """Of the classes, one list a row; None: the model answers none."""
    model_version: str
    digest: str
    request_id: str
    """What labels are sent under, once the truth is known."""

    @property
    def prediction(self) -> Any:
        """Of the first row."""
        return self.predictions[0]


def predict(url: str, rows: object, *, timeout: float = 10.0, request_id: str | None = None) -> Predicted:
    """Ask a served model, through the gateway or a predictor itself.

    `url`: the resource's `status.url`. `rows`: a DataFrame, a row by name, or a list of rows; missing numbers travel as
    null. `timeout`: seconds until the answer must be there. `request_id`: for labels; made here where it is not given.

    Raises RowsRefused for rows that no request can carry, RequestRefused where the model does not take them, NotServed
    where no such model is served or ready, NoAnswer for all else. Nothing is sent twice.
    """
    identity = request_id or str(uuid.uuid4())
    address = f"{url.rstrip('/')}/predict"
    body = {"instances": _instances(rows)}
    try:
        answer = requests.post(address, json=body, timeout=timeout, headers={"x-request-id": identity})
    except (requests.exceptions.InvalidJSONError, TypeError) as error:
        raise RowsRefused(f"the rows cannot be written as JSON: {error}. Values are numbers, texts or flags") from error
    except requests.Timeout as error:
        raise NoAnswer(f"{address} did not answer within {timeout:g} s: send fewer rows, or give timeout=") from error
    except requests.RequestException as error:
        raise NoAnswer(
            f"{address} cannot be reached: {error}. Is it the resource's status.url, and a port open?"
        ) from error
    return _read(answer, address, identity)


def _instances(rows: object) -> list[Any]:
    if isinstance(rows, pd.DataFrame):
        return [
            dict(zip(map(str, rows.columns), map(_plain, row), strict=True)) for row in rows.astype(object).to_numpy()
        ]
    if isinstance(rows, pd.Series):
        rows = rows.to_dict()
    if isinstance(rows, Mapping):
        return [{str(name): _plain(value) for name, value in rows.items()}]
    if isinstance(rows, np.ndarray):
        return [_plain(row) for row in np.atleast_2d(rows)]
    if isinstance(rows, Sequence) and not isinstance(rows, str) and len(rows):
        return [_instances(row)[0] if isinstance(row, Mapping | pd.Series) else _plain(row) for row in rows]
    raise RowsRefused("give rows: a DataFrame, a dict of features, or a list of such")


def _plain(value: Any) -> Any:
    """As JSON has it: no numpy, and null for what is missing."""
    if isinstance(value, np.ndarray):
        return [_plain(each) for each in value.tolist()]
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if value is None or value is pd.NA or value is pd.NaT or value != value else value  # noqa: PLR0124 - NaN


def _read(answer: requests.Response, address: str, identity: str) -> Predicted:
    if answer.status_code != HTTPStatus.OK:
        raise _failure(answer, address)
    try:
        document = answer.json()
        rows = document["predictions"]
        return Predicted(
            predictions=[row["prediction"] for row in rows],
            probabilities=[row["probability"] for row in rows] if "probability" in rows[0] else None,
            model_version=document["model_version"],
            digest=document["digest"],
            request_id=answer.headers.get("x-request-id", identity),
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise NoAnswer(
            f"{address} answered no prediction ({answer.text[:_SHOWN]!r}): is it a model of Penstock?"
        ) from error


def _failure(answer: requests.Response, address: str) -> NoAnswer | NotServed | RequestRefused:
    said = f"{address} answered {answer.status_code}: {_message(answer)}"
    if answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE):
        return NotServed(f"{said}. Look at the resource: kubectl get mdep")
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return NoAnswer(f"{said}. Wait {answer.headers.get('retry-after', 'some')} s")
    if answer.status_code in _REFUSALS:
        return RequestRefused(said)
    return NoAnswer(said)


def _message(answer: requests.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:_SHOWN]
