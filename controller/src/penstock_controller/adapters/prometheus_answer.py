"""What a Prometheus answers to an instant query, and what that means: a value, no value, or no answer. Pure."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from penstock_controller.adapters.told_words import printable
from penstock_controller.gates.looks import LookAnswer, MeasuredValue, NoValue, Unanswered

_WRONG = frozenset({400, 422})
"""Statuses by which Prometheus says what is wrong with a query, in words that are for whoever wrote it."""
_DENIED = frozenset({401, 403})
_HINTS = frozenset({"PromQL info", "PromQL warning: bucket label"})
"""Beginnings of warnings that are remarks on the query: the value is whole."""
_LONGEST_WORDS = 200


def prometheus_answer(status: int, content: bytes, *, began_at: datetime) -> LookAnswer:
    """What an answer means. `began_at`: when the attempt began; what was measured before is not of it."""
    told = _parsed(content)
    if status in _DENIED:
        return _no(f"answers {status}: does its headersSecret hold what it wants?")
    if status in _WRONG and isinstance(told, dict) and isinstance(told.get("error"), str):
        return _no(f"refuses the query ({status}): {printable(told['error'], _LONGEST_WORDS)}")
    if not 200 <= status < 300:  # noqa: PLR2004 - success, as HTTP has it
        return _no(f"answers {status}")
    if not isinstance(told, dict) or told.get("status") != "success" or not isinstance(told.get("data"), dict):
        return _no("answers what is not Prometheus's JSON: is its uri right, or is there a page in front of it?")
    partial = _partial(told.get("warnings"))
    if partial:
        return _no(f"answers in part only: {printable(partial, _LONGEST_WORDS)}")
    return _result(told["data"], began_at)


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _partial(warnings: Any) -> str:
    """Why an answer may lack something; empty: it is whole."""
    told = [str(warning) for warning in warnings] if isinstance(warnings, list) else []
    return next((warning for warning in told if not warning.startswith(tuple(_HINTS))), "")


def _result(data: Mapping[str, Any], began_at: datetime) -> LookAnswer:
    result = data.get("result")
    match data.get("resultType"):
        case "scalar":
            return _sample(result, began_at)
        case "vector" if isinstance(result, list):
            return _vector(result, began_at)
        case "matrix":
            return _no("answers a range of values: take one of it, such as by rate() or max_over_time()")
        case "string":
            return _no("answers a text: ask for a number")
        case _:
            return _no("answers a kind of result that is not known")


def _vector(result: list[Any], began_at: datetime) -> LookAnswer:
    if not result:
        return NoValue(why="no series has one")
    if len(result) > 1:
        return _no(f"answers {len(result)} series, and one is needed: aggregate them, such as by sum() or max()")
    (series,) = result
    if isinstance(series, dict) and "histogram" in series:
        return _no("answers a histogram: take a number of it, such as by histogram_quantile()")
    return _sample(series.get("value") if isinstance(series, dict) else None, began_at)


def _sample(sample: Any, began_at: datetime) -> LookAnswer:
    try:
        at, text = sample
        value, time = float(str(text)), datetime.fromtimestamp(float(at), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return _no("answers a sample that is no number with its time")
    if time < began_at:
        late = (began_at - time).total_seconds()
        return NoValue(why=f"what there is was measured {late:.0f} s before the attempt began, by its own clock")
    return NoValue(why="it is not a number (NaN)") if math.isnan(value) else MeasuredValue(value=value)


def _no(why: str) -> Unanswered:
    return Unanswered(why=f"it {why}")
