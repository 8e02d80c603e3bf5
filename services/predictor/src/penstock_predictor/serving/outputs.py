"""The arrays that a run computed, and one call's part of them."""

from collections.abc import Sequence

from penstock_predictor.tensors.answers import Table, write_table
from penstock_predictor.tensors.datatypes import Array


class Outputs:
    """Of all calls of a run, in the order of the outputs that they asked for."""

    __slots__ = ("_table", "_written", "arrays", "elements")

    def __init__(self, arrays: Sequence[Array]) -> None:
        self.arrays = arrays
        self.elements = sum([array.size for array in arrays])
        """In all of them."""
        self._table: Table | None = None
        self._written = False

    def table(self) -> Table | None:
        """Written once for all calls; None where an output is no table of numbers."""
        if not self._written:
            self._written = True
            self._table = write_table(self.arrays)
        return self._table


class Part:
    """One call's rows of a run, or all of a run that was its own."""

    __slots__ = ("_outputs", "start", "stop")

    def __init__(self, outputs: Outputs, start: int = 0, stop: int | None = None) -> None:
        self._outputs = outputs
        self.start = start
        self.stop = stop
        """None: the run was this call's alone."""

    @property
    def arrays(self) -> Sequence[Array]:
        """The call's own arrays."""
        arrays = self._outputs.arrays
        return arrays if self.stop is None else [array[self.start : self.stop] for array in arrays]

    @property
    def elements(self) -> int:
        """How many there are in all arrays."""
        outputs = self._outputs
        if self.stop is None:
            return outputs.elements
        return outputs.elements // len(outputs.arrays[0]) * (self.stop - self.start)

    def shared_table(self) -> tuple[Table, int, int] | None:
        """The rows of the whole run as text, and from where to where they are this call's.

        None for a run that was its own, which gains nothing from it, and where an output is no table.
        """
        if self.stop is None:
            return None
        table = self._outputs.table()
        return None if table is None else (table, self.start, self.stop)
