"""What is made of a drift monitor that does not answer: the same for all who ask it beside the passes."""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from penstock_controller import backoff
from penstock_controller.errors import MonitorAway
from penstock_controller.ports import ResourceKey

_log = logging.getLogger(__name__)
ASKED_AT_ONCE = 16
"""Resources; one for which the monitor hangs has one of these places until its time is over."""
_AWAY_AFTER = 3
"""Asked so often in a row without an answer, the monitor is away: one lost answer is no news."""
FIRST_AGAIN = 1.0
LONGEST_AGAIN = 60.0
"""Seconds after which a monitor that did not answer is asked again, at most."""
_OUR_FAULT = "asking the drift monitor failed: see the controller's log"

Answer = TypeVar("Answer")


@dataclass
class MonitorSilence:
    """Questions about one resource in a row that were not answered."""

    unanswered: int = 0
    away: str = ""
    """Why the monitor is away; empty: it is not."""

    def ends(self) -> None:
        """It answered."""
        self.unanswered, self.away = 0, ""

    def goes_on(self, why: str) -> bool:
        """It did not answer once more; True: it is away from now on. Which words it was first stays told."""
        self.unanswered += 1
        is_news = self.unanswered >= _AWAY_AFTER and not self.away
        if is_news:
            self.away = why
        return is_news

    def again_in(self, interval: float) -> float:
        """Seconds until it is asked again; `interval`: while it answers."""
        return min(interval, backoff.delay(self.unanswered, first=FIRST_AGAIN, longest=LONGEST_AGAIN))


async def answer_of(asking: Awaitable[Answer], key: ResourceKey) -> tuple[Answer | None, str]:
    """The answer to a question about a resource, or None and why there is none. Whatever it is, nothing is raised."""
    try:
        return await asking, ""
    except MonitorAway as away:
        return None, str(away)
    except Exception:  # noqa: BLE001 - the outermost loop: one answer must not end the questions of all
        _log.exception("drift monitor not asked", extra={"key": str(key)})
        return None, _OUR_FAULT
