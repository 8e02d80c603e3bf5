"""What a run of the model costs, learned from the runs: who decides where and whether to run asks here."""

_WEIGHT = 0.2
"""Of the newest run in the moving average."""


class RunTimeModel:
    """Expected seconds of a run by its number of rows: a moving average for each power of two."""

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        self._seconds: list[float | None] = [None] * 64

    def learn(self, rows: int, seconds: float) -> None:
        """Take note of a run."""
        place = rows.bit_length()
        before = self._seconds[place]
        self._seconds[place] = seconds if before is None else before + _WEIGHT * (seconds - before)

    def expect(self, rows: int) -> float:
        """Seconds that a run of that many rows will take; 0 while nothing is known.

        From a smaller size it is taken to grow with the rows, from a larger one not to shrink: rather too much.
        """
        place = rows.bit_length()
        known = self._seconds[place]
        if known is not None:
            return known
        for smaller in range(place - 1, -1, -1):
            known = self._seconds[smaller]
            if known is not None:
                return float(known * 2 ** (place - smaller))
        return next((larger for larger in self._seconds[place:] if larger is not None), 0.0)
