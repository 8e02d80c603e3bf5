"""What only the deep run does (`make test-deep`): long outages, and what an ordinary run shows by fewer rows."""

import os
from collections.abc import Sequence
from typing import TypeVar

import pytest

DEEP = os.environ.get("PENSTOCK_DEEP") == "1"

Value = TypeVar("Value")


def seconds(short: float, *, deep: float) -> float:
    """How long something lasts, in an ordinary run and in the deep one."""
    return deep if DEEP else short


def several(few: Sequence[Value], *, deep: Sequence[Value]) -> Sequence[Value]:
    """What something is shown for, in an ordinary run and in the deep one."""
    return deep if DEEP else few


class DeepTests:
    """Leaves out tests marked `deep`, but in the deep run, and but where the command line chooses among tests."""

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        left_out = [item for item in items if is_left_out(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def is_left_out(item: pytest.Item) -> bool:
    chooses = item.config.getoption("keyword") or any("::" in name for name in item.config.args)
    return not DEEP and not chooses and item.get_closest_marker("deep") is not None
