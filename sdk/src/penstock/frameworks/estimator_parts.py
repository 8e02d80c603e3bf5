"""What an estimator is made of."""

from collections.abc import Iterator
from typing import Any

import numpy as np


def parts_of(estimator: Any) -> Iterator[Any]:
    """The estimator, its steps, their parts, as they were fitted, and so on."""
    yield estimator
    for value in vars(estimator).values():
        yield from (part for each in _members(value) if _is_estimator(each) for part in parts_of(each))


def kind_of(estimator: Any) -> str:
    """Its class, for messages; of a pipeline that of its last step too."""
    steps = getattr(estimator, "steps", None)
    return f"{type(estimator).__name__} of {kind_of(steps[-1][1])}" if steps else type(estimator).__name__


def _is_estimator(value: Any) -> bool:
    return hasattr(value, "get_params") and not isinstance(value, type)


def _members(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype.kind == "O"):
        for each in value:
            yield from _members(each)
    elif isinstance(value, dict):
        yield from value.values()
    else:
        yield value
