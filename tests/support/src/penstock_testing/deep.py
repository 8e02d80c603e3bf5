"""Whether this is the deep run (`make test-deep`): long outages, and tests of what tests are made with."""

import os

DEEP = os.environ.get("PENSTOCK_DEEP") == "1"


def seconds(short: float, *, deep: float) -> float:
    """How long something lasts, in an ordinary run and in the deep one."""
    return deep if DEEP else short
