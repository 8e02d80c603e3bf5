"""Runs as the contract has them, gathered into batches that are numbered in the order in which they are sent."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

import msgspec
import numpy as np

from penstock_contracts.records import (
    RecordBatch,
    RecordBlock,
    RecordedRequest,
    RecordedRun,
    RecordedTensor,
    RequestForm,
)
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.model.inference import Feeds
from penstock_predictor.records.columns import Columns, Cut
from penstock_predictor.records.run_queue import Asked, RanCalls
from penstock_predictor.serving.call import CallOutputs, LookupNotes
from penstock_predictor.tensors.arrays import BY_NUMPY, Array

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
    form: RequestForm | None
    """As in the contract."""

    @property
    def blocks(self) -> tuple[tuple[RecordBlock, ...], tuple[RecordBlock, ...]]:
        """As the batch says them."""
        return tuple(cut.block for cut in self.inputs), tuple(cut.block for cut in self.outputs)


EncodedRun = tuple[RecordLayout, RecordedRun, int]
"""And its rows."""
_Key = tuple[tuple[str, ...], _Shape, _Shape]


class _Group:
    """Calls whose tensors fit behind each other, row by row."""

    __slots__ = ("asked", "began", "ended", "feeds", "first_rows", "key", "lookups", "outputs", "rows")

    def __init__(self, key: _Key, at: float, first_rows: int) -> None:
        """`first_rows`: of the first tensors."""
        self.key = key
        self.first_rows = first_rows
        self.began = at
        self.ended = at
        self.asked: list[Asked] = []
        self.lookups: list[LookupNotes | None] = []
        self.feeds: list[Feeds] = []
        self.outputs: list[Sequence[Array]] = []
        self.rows = 0


class Encoding:
    """Makes the contract's runs. Used in the thread that records."""

    def __init__(self, columns: Columns, hidden: Collection[str] = ()) -> None:
        """`hidden`: keys of look-ups that are not to leave the process."""
        self._columns = columns
        self._hidden = frozenset(hidden)
        self._layouts: dict[_Key, RecordLayout] = {}

    def runs(self, several: Sequence[RanCalls]) -> list[EncodedRun]:
        """Of runs, oldest first: those that fit behind each other and ended at about the same time are made one."""
        groups: list[_Group] = []
        for ran in several:
            for asked, feeds, parts, lookups in _alike(ran):
                arrays = [part.arrays for part in parts]
                all_rows = sum([of_call for _, of_call, _ in asked])
                rows = asked[0][1] if len(parts) > 1 else all_rows
                key = (
                    ran.outputs,
                    _shape(feeds[0].items(), rows),
                    _shape(zip(ran.outputs, arrays[0], strict=True), rows),
                )
                group = groups[-1] if groups else None
                if group is None or group.key != key or ran.at - group.began > _SAME_SECONDS:
                    group = _Group(key, ran.at, rows)
                    groups.append(group)
                group.ended = ran.at
                group.asked += asked
                group.lookups += lookups
                group.feeds += feeds
                group.outputs += arrays
                group.rows += all_rows
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
            self._lookups(group),
        )
        return layout, run, group.rows

    def _lookups(self, group: _Group) -> tuple[str, ...]:
        if not any(group.lookups):
            return ()
        texts: list[str] = []
        for (_, rows, _), lookup in zip(group.asked, group.lookups, strict=True):
            texts += [""] * rows if lookup is None else lookup.records(rows, self._hidden)
        return tuple(texts)

    def _layout(self, group: _Group) -> RecordLayout:
        names, feeds, arrays = group.key[0], group.feeds[0], group.outputs[0]
        inputs = [cut for name, array in feeds.items() for cut in self._columns.cuts(name, array, group.first_rows)]
        outputs = [
            (cut, place)
            for place, (name, array) in enumerate(zip(names, arrays, strict=True))
            for cut in self._columns.cuts(name, array, group.first_rows)
        ]
        return RecordLayout(
            tuple(inputs),
            tuple([cut for cut, _ in outputs]),
            tuple([place for _, place in outputs]),
            _form(feeds, inputs, names),
        )


def _alike(ran: RanCalls) -> list[tuple[list[Asked], list[Feeds], list[CallOutputs], list[LookupNotes | None]]]:
    """All of a run's calls; each for itself where those were computed apart, as their shapes may differ."""
    if len(ran.parts) == 1 or all(part.stop is not None for part in ran.parts):
        return [(ran.asked, ran.feeds, ran.parts, ran.lookups)]
    apart = zip(ran.asked, ran.feeds, ran.parts, ran.lookups, strict=True)
    return [([asked], [feeds], [part], [lookup]) for asked, feeds, part, lookup in apart]


def _behind(arrays: Sequence[Array]) -> Array:
    """Rows of one behind those of the other."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _shape(arrays: Iterable[tuple[str, Array]], rows: int) -> _Shape:
    """What decides how tensors are cut."""
    return tuple([(name, array.shape[1:], array.ndim > 0 and len(array) == rows) for name, array in arrays])


def _form(feeds: Feeds, cuts: Sequence[Cut], outputs: tuple[str, ...]) -> RequestForm | None:
    """None: a tensor, or a column of one, is not recorded as it was."""
    if not cuts or len(cuts) != len(feeds) or not all(cut.whole for cut in cuts):
        return None
    tensors = [(cut.tensor, feeds[cut.tensor]) for cut in cuts]
    return RequestForm(
        tuple([RecordedTensor(name, BY_NUMPY[array.dtype].v2, array.shape[1:]) for name, array in tensors]), outputs
    )


def _text(request_id: bytes | None) -> str:
    """An id that answers echo too, or nothing: visible ASCII, not too long."""
    if not request_id or len(request_id) > _LONGEST_ID or not request_id.isascii():
        return ""
    text = request_id.decode()
    return text if text.isprintable() and " " not in text else ""


@dataclass(frozen=True, kw_only=True)
class RecordSource:
    """Who records: what every batch says of it."""

    namespace: str
    name: str
    revision: str
    identity: ModelIdentity
    sender: str


@dataclass(frozen=True)
class Batch:
    """To be sent, as often as it takes."""

    number: int
    body: bytes
    rows: int


@dataclass
class _Gathered:
    runs: list[msgspec.Raw] = field(default_factory=list)
    """Each encoded when it came: all at once would keep the interpreter from the event loop for milliseconds."""
    rows: int = 0


class Gathering:
    """What is not sent yet, by its layout. Used in the thread that records."""

    def __init__(self, source: RecordSource, encoding: Encoding) -> None:
        self._source = source
        self._encoding = encoding
        self._gathered: dict[RecordLayout, _Gathered] = {}
        self._number = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self.size = 0
        """Bytes of the runs that were gathered, encoded."""
        self.rows = 0
        """Rows that were gathered."""

    def add(self, several: Sequence[RanCalls]) -> None:
        """Gather runs, oldest first. Where it raises, none of them was."""
        for layout, run, rows in self._encoding.runs(several):
            there = self._gathered.setdefault(layout, _Gathered())
            encoded = self._encode(run)
            there.runs.append(msgspec.Raw(encoded))
            self.size += len(encoded)
            there.rows += rows
            self.rows += rows

    def pop(self, dropped: int) -> Batch | None:
        """The next batch: all runs of one layout; None: nothing is left. `dropped`: as in the contract."""
        if not self._gathered:
            self.size = 0
            return None
        layout, gathered = self._gathered.popitem()
        self._number += 1
        self.rows -= gathered.rows
        inputs, outputs = layout.blocks
        batch = RecordBatch(
            namespace=self._source.namespace,
            name=self._source.name,
            digest=self._source.identity.digest,
            version=self._source.identity.version,
            revision=self._source.revision,
            sender=self._source.sender,
            number=self._number,
            inputs=inputs,
            outputs=outputs,
            runs=cast("tuple[RecordedRun, ...]", tuple(gathered.runs)),  # what is encoded goes as it is
            dropped=dropped,
            form=layout.form,
        )
        return Batch(self._number, self._encode(batch), gathered.rows)
