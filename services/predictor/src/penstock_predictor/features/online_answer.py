"""What Feast's server says to `POST /get-online-features`, and how it is asked.

Its answer has features in an order of its own, says PRESENT of a value that is null, and hands out values of any age.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from penstock_predictor.features.unavailable import Cause, FeaturesUnavailable

PATH: Final = "/get-online-features"
_PRESENT: Final = "PRESENT"
_TOO_OLD: Final = "OUTSIDE_MAX_AGE"


class FoundValue(msgspec.Struct, frozen=True):
    """A feature of one entity."""

    value: Any
    at: float
    """Unix time in seconds of the event that it was true at."""
    too_old: bool
    """The store itself says so."""


class _Result(msgspec.Struct):
    values: list[Any]
    statuses: list[str]
    event_timestamps: list[str]


class _AnswerMetadata(msgspec.Struct):
    feature_names: list[str]


class OnlineAnswer(msgspec.Struct):
    """The form of the answer, without what nobody here needs."""

    metadata: _AnswerMetadata
    results: list[_Result]


_read: Final = msgspec.json.Decoder(OnlineAnswer).decode
_write: Final = msgspec.json.Encoder().encode


def question(
    service: str | None, references: Sequence[str], entities: Sequence[str], keys: Sequence[tuple[Any, ...]]
) -> bytes:
    """The body that asks for the features of all these entities. `keys`: a value for each of the entities' names."""
    which = {"features": list(references)} if service is None else {"feature_service": service}
    columns = zip(*keys, strict=True)
    of = {name: list(values) for name, values in zip(entities, columns, strict=True)}
    return _write({**which, "entities": of, "full_feature_names": True})


def named_in_answers(reference: str) -> str:
    """A feature's name in answers: `user_features:age` is `user_features__age`."""
    return reference.replace(":", "__")


def found_values(body: bytes, references: Sequence[str], rows: int) -> Mapping[str, Sequence[FoundValue | None]]:
    """Values by reference, one for each entity that was asked for; None: there is none.

    Raises FeaturesUnavailable for what is no such answer, and for one that lacks a feature.
    """
    try:
        answer = _read(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FeaturesUnavailable(Cause.ANSWER, f"its answer is not Feast's: {error}") from None
    by_name = dict(zip(answer.metadata.feature_names, answer.results, strict=False))
    return {reference: _values(reference, by_name.get(named_in_answers(reference)), rows) for reference in references}


def _values(reference: str, result: _Result | None, rows: int) -> Sequence[FoundValue | None]:
    if result is None:
        raise FeaturesUnavailable(Cause.ANSWER, f"its answer has no {reference}: is it in the feature service?")
    if not len(result.values) == len(result.statuses) == len(result.event_timestamps) == rows:
        raise FeaturesUnavailable(Cause.ANSWER, f"its answer has {len(result.values)} of {reference}, not {rows}")
    return [
        FoundValue(value, _seconds(at), status == _TOO_OLD)
        if value is not None and status in (_PRESENT, _TOO_OLD)
        else None
        for value, status, at in zip(result.values, result.statuses, result.event_timestamps, strict=True)
    ]


@lru_cache(maxsize=4096)
def _seconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise FeaturesUnavailable(Cause.ANSWER, f"its answer has the event time {text[:40]!r}") from None
