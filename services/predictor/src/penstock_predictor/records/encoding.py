"""A run's tensors as the contract's runs, with the blocks that say how to read them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from penstock_contracts.records import RecordBlock, RecordedRequest, RecordedRun
from penstock_predictor.model.inference import Feeds
from penstock_predictor.records.columns import Columns, Cut
from penstock_predictor.records.ran_calls import Asked, RanCalls
from penstock_predictor.serving.outputs import Part
from penstock_predictor.tensors.datatypes import Array

_LONGEST_ID: Final = 128
_MOST_LAYOUTS: Final = 256
"""Kept: callers choose shapes where the graph leaves them open."""

_SAME_SECONDS: Final = 0.01
"""Runs that ended so close together are recorded as one: what that costs depends little on its rows."""

_Shape = tuple[tuple[str, tuple[int, ...], bool], ...]


@dataclass(frozen=True, eq=False)
class RecordLayout:
    """Of runs that may stand in one batch. Compared by identity: each run asks for its layout's."""

    inputs: tuple[Cut, ...]
    outputs: tuple[Cut, ...]
    places: tuple[int, ...]
    """For each of these its tensor's place among those that were computed."""

    @property
    def blocks(self) -> tuple[tuple[RecordBlock, ...], tuple[RecordBlock, ...]]:
        """As the batch says them."""
        return tuple(cut.block for cut in self.inputs), tuple(cut.block for cut in self.outputs)


EncodedRun = tuple[RecordLayout, RecordedRun, int]
"""And its rows."""
_Key = tuple[tuple[str, ...], _Shape, _Shape]


class _Group:
    """Calls whose tensors fit behind each other, row by row."""

    __slots__ = ("asked", "began", "ended", "feeds", "first_rows", "key", "outputs", "rows")

    def __init__(self, key: _Key, at: float, first_rows: int) -> None:
        """`first_rows`: of the first tensors."""
        self.key = key
        self.first_rows = first_rows
        self.began = at
        self.ended = at
        self.asked: list[Asked] = []
        self.feeds: list[Feeds] = []
        self.outputs: list[Sequence[Array]] = []
        self.rows = 0


class Encoding:
    """Makes the contract's runs. Used in the thread that records."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._layouts: dict[_Key, RecordLayout] = {}

    def runs(self, several: Sequence[RanCalls]) -> list[EncodedRun]:
        """Of runs, oldest first: those that fit behind each other and ended at about the same time are made one."""
        groups: list[_Group] = []
        for ran in several:
            for asked, feeds, parts in _alike(ran):
                outputs = parts[0].arrays
                rows = asked[0][1] if len(parts) > 1 else sum([of_call for _, of_call, _ in asked])
                key = (
                    ran.outputs,
                    _shape(feeds[0].items(), rows),
                    _shape(zip(ran.outputs, outputs, strict=True), rows),
                )
                group = groups[-1] if groups else None
                if group is None or group.key != key or ran.at - group.began > _SAME_SECONDS:
                    group = _Group(key, ran.at, rows)
                    groups.append(group)
                group.ended = ran.at
                group.asked += asked
                group.feeds += feeds
                group.outputs += [part.arrays for part in parts]
                group.rows += rows if len(parts) == 1 else sum([of_call for _, of_call, _ in asked])
        return [self._run(group) for group in groups]

    def _run(self, group: _Group) -> EncodedRun:
        layout = self._layouts.get(group.key)
        if layout is None:
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[group.key] = self._layout(group)
        of_outputs = zip(layout.outputs, layout.places, strict=True)
        run = RecordedRun(
            group.ended,
            tuple([RecordedRequest(_text(request_id), rows, shadow) for request_id, rows, shadow in group.asked]),
            tuple([cut.of(_behind([feeds[cut.tensor] for feeds in group.feeds])) for cut in layout.inputs]),
            tuple([cut.of(_behind([arrays[place] for arrays in group.outputs])) for cut, place in of_outputs]),
        )
        return layout, run, group.rows

    def _layout(self, group: _Group) -> RecordLayout:
        names, feeds, arrays = group.key[0], group.feeds[0], group.outputs[0]
        inputs = [cut for name, array in feeds.items() for cut in self._columns.cuts(name, array, group.first_rows)]
        outputs = [
            (cut, place)
            for place, (name, array) in enumerate(zip(names, arrays, strict=True))
            for cut in self._columns.cuts(name, array, group.first_rows)
        ]
        return RecordLayout(tuple(inputs), tuple([cut for cut, _ in outputs]), tuple([place for _, place in outputs]))


def _alike(ran: RanCalls) -> list[tuple[list[Asked], list[Feeds], list[Part]]]:
    """All of a run's calls; each for itself where those were computed apart, as their shapes may differ."""
    if len(ran.parts) == 1 or all(part.stop is not None for part in ran.parts):
        return [(ran.asked, ran.feeds, ran.parts)]
    return [([asked], [feeds], [part]) for asked, feeds, part in zip(ran.asked, ran.feeds, ran.parts, strict=True)]


def _behind(arrays: Sequence[Array]) -> Array:
    """Rows of one behind those of the other."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _shape(arrays: Iterable[tuple[str, Array]], rows: int) -> _Shape:
    """What decides how tensors are cut."""
    return tuple([(name, array.shape[1:], array.ndim > 0 and len(array) == rows) for name, array in arrays])


def _text(request_id: bytes | None) -> str:
    """An id that answers echo too, or nothing: visible ASCII, not too long."""
    if not request_id or len(request_id) > _LONGEST_ID or not request_id.isascii():
        return ""
    text = request_id.decode()
    return text if text.isprintable() and " " not in text else ""
