"""A run's tensors as the contract's runs, with the blocks that say how to read them."""

from collections.abc import Mapping, Sequence
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

_Shape = tuple[tuple[str, tuple[int, ...], bool], ...]


@dataclass(frozen=True, eq=False)
class RecordLayout:
    """Of runs that may stand in one batch. Compared by identity: each run asks for its layout's."""

    inputs: tuple[Cut, ...]
    outputs: tuple[Cut, ...]

    @property
    def blocks(self) -> tuple[tuple[RecordBlock, ...], tuple[RecordBlock, ...]]:
        """As the batch says them."""
        return tuple(cut.block for cut in self.inputs), tuple(cut.block for cut in self.outputs)


EncodedRun = tuple[RecordLayout, RecordedRun, int]
"""And its rows."""


class Encoding:
    """Makes the contract's runs. Used in the thread that records."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._layouts: dict[tuple[_Shape, _Shape], RecordLayout] = {}

    def runs(self, ran: RanCalls) -> list[EncodedRun]:
        """One run; one for each call where those were computed apart, as their shapes may differ."""
        if len(ran.parts) == 1 or all(part.stop is not None for part in ran.parts):
            return [self._run(ran, ran.asked, ran.feeds, ran.parts)]
        return [
            self._run(ran, [asked], [feeds], [part])
            for asked, feeds, part in zip(ran.asked, ran.feeds, ran.parts, strict=True)
        ]

    def _run(self, ran: RanCalls, asked: Sequence[Asked], feeds: Sequence[Feeds], parts: Sequence[Part]) -> EncodedRun:
        inputs = feeds[0] if len(feeds) == 1 else _joined(feeds)
        outputs = dict(zip(ran.outputs, _joined_outputs(parts), strict=True))
        rows = sum([of_call for _, of_call, _ in asked])
        layout = self._layout(inputs, outputs, rows)
        run = RecordedRun(
            ran.at,
            tuple([RecordedRequest(_text(request_id), of_call, shadow) for request_id, of_call, shadow in asked]),
            tuple([cut.of(inputs[cut.tensor]) for cut in layout.inputs]),
            tuple([cut.of(outputs[cut.tensor]) for cut in layout.outputs]),
        )
        return layout, run, rows

    def _layout(self, inputs: Mapping[str, Array], outputs: Mapping[str, Array], rows: int) -> RecordLayout:
        shape = (_shape(inputs, rows), _shape(outputs, rows))
        layout = self._layouts.get(shape)
        if layout is None:
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[shape] = RecordLayout(self._cuts(inputs, rows), self._cuts(outputs, rows))
        return layout

    def _cuts(self, arrays: Mapping[str, Array], rows: int) -> tuple[Cut, ...]:
        return tuple(cut for name, array in arrays.items() for cut in self._columns.cuts(name, array, rows))


def _joined(feeds: Sequence[Feeds]) -> Feeds:
    """Inputs of several calls, one behind the other."""
    return {name: np.concatenate([of_call[name] for of_call in feeds]) for name in feeds[0]}


def _joined_outputs(parts: Sequence[Part]) -> Sequence[Array]:
    if len(parts) == 1:
        return parts[0].arrays
    return [np.concatenate(arrays) for arrays in zip(*[part.arrays for part in parts], strict=True)]


def _shape(arrays: Mapping[str, Array], rows: int) -> _Shape:
    """What decides how tensors are cut."""
    return tuple([(name, array.shape[1:], array.ndim > 0 and len(array) == rows) for name, array in arrays.items()])


def _text(request_id: bytes | None) -> str:
    """An id that answers echo too, or nothing: visible ASCII, not too long."""
    if not request_id or len(request_id) > _LONGEST_ID or not request_id.isascii():
        return ""
    text = request_id.decode()
    return text if text.isprintable() and " " not in text else ""
