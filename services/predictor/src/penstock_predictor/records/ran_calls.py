"""What one run leaves for the thread that records: references to its tensors, nothing copied."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock_predictor.model.inference import Feeds
    from penstock_predictor.serving.outputs import Part

Asked = tuple[bytes | None, int, bool]
"""Of one request: its id, its rows, and whether it is a copy. A tuple, as each request makes one."""


class RanCalls:
    """Calls of one run that were answered and are recorded."""

    __slots__ = ("asked", "at", "feeds", "outputs", "parts", "rows", "size")

    def __init__(self, at: float, outputs: tuple[str, ...]) -> None:
        self.at = at
        """Unix time in seconds, when the run ended."""
        self.outputs = outputs
        """Names of what was computed, which all calls of a run share."""
        self.asked: list[Asked] = []
        self.feeds: list[Feeds] = []
        """For each of these requests its inputs; or one for all, where they were joined for the run."""
        self.parts: list[Part] = []
        """And its outputs, likewise."""
        self.rows = 0
        """Of all calls."""
        self.size = 0
        """Bytes that they keep from being freed, about."""
