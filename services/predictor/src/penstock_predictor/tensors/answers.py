"""V2 answers as bytes: strict JSON, with tensors inside it or behind it."""

from collections.abc import Sequence
from itertools import starmap

import msgspec

from penstock_predictor.identity import ModelIdentity
from penstock_predictor.tensors.arrays import BY_NUMPY, Array
from penstock_predictor.tensors.binary_tensors import SIZE, encode_raw

to_json = msgspec.json.encode
"""NaN and infinities become null."""

_MOST_KEPT = 1024
"""Forms of answers whose fixed parts are kept."""

Layout = tuple[tuple[str, tuple[int, ...]], ...]
"""Of each output its V2 datatype, and its shape without the first dimension."""


class Frame:
    """What is the same in all answers of so many rows."""

    __slots__ = ("names", "pieces", "rows")

    def __init__(self, names: tuple[str, ...], rows: int, pieces: list[bytes]) -> None:
        self.names = names
        self.rows = rows
        self.pieces = pieces
        """Of each output what stands before its elements, and behind those of the one before it."""


class JsonTable:
    """Outputs whose rows are written already."""

    __slots__ = ("frame", "layout", "texts")

    def __init__(self, layout: Layout, texts: list[list[bytes]]) -> None:
        self.layout = layout
        self.texts = texts
        """Of each output each row's elements as JSON, without brackets."""
        self.frame: Frame | None = None
        """Of the last answer: most of a run's have the same."""


def write_table(arrays: Sequence[Array]) -> JsonTable | None:
    """Write the rows of all outputs; None where one of them is no table or column of numbers."""
    texts = [_row_texts(array) for array in arrays]
    written = [text for text in texts if text is not None]
    if len(written) < len(arrays):
        return None
    return JsonTable(tuple((BY_NUMPY[array.dtype].v2, array.shape[1:]) for array in arrays), written)


def _row_texts(array: Array) -> list[bytes] | None:
    if array.dtype.hasobject or array.size == 0 or array.ndim not in (1, 2):
        return None
    text = to_json(array.tolist())
    return text[1:-1].split(b",") if array.ndim == 1 else text[2:-2].split(b"],[")


class InferAnswers:
    """Answers of one model. What is the same in all of them is made once."""

    def __init__(self, identity: ModelIdentity) -> None:
        self._head = to_json({"model_name": identity.name, "model_version": identity.version})[:-1] + b","
        self._digest = b'"parameters":' + to_json({"digest": identity.digest}) + b',"outputs":['
        self._without_id = self._head + self._digest
        self._frames: dict[tuple[Sequence[str], Layout, int], Frame] = {}

    def json(self, request_id: str | None, names: Sequence[str], arrays: Sequence[Array]) -> bytes:
        """Every tensor's elements as JSON."""
        return self._begin(request_id) + b",".join(starmap(_json_output, zip(names, arrays, strict=True))) + b"]}"

    def of_table(
        self, request_id: str | None, names: tuple[str, ...], table: JsonTable, start: int, stop: int
    ) -> bytes:
        """The same for the rows of a table from `start` to `stop`."""
        rows = stop - start
        frame = table.frame
        if frame is None or frame.rows != rows or frame.names is not names:
            frame = self._frames.get((names, table.layout, rows)) or self._frame(names, table.layout, rows)
            table.frame = frame
        pieces = [self._begin(request_id)]
        for place, before in enumerate(frame.pieces):
            text = table.texts[place]
            pieces.append(before)
            pieces.append(text[start] if rows == 1 else b",".join(text[start:stop]))
        pieces.append(b"]}]}")
        return b"".join(pieces)

    def binary(
        self, request_id: str | None, names: Sequence[str], arrays: Sequence[Array], as_bytes: Sequence[bool]
    ) -> tuple[bytes, int]:
        """Some tensors as bytes behind the JSON; and how long the JSON is."""
        outputs, tail = [], []
        for name, array, wanted in zip(names, arrays, as_bytes, strict=True):
            if wanted:
                tail.append(encode_raw(array))
                outputs.append(_binary_output(name, array, len(tail[-1])))
            else:
                outputs.append(_json_output(name, array))
        head = self._begin(request_id) + b",".join(outputs) + b"]}"
        return b"".join([head, *tail]), len(head)

    def _begin(self, request_id: str | None) -> bytes:
        if request_id is None:
            return self._without_id
        return self._head + b'"id":' + to_json(request_id) + b"," + self._digest

    def _frame(self, names: tuple[str, ...], layout: Layout, rows: int) -> Frame:
        outputs = zip(names, layout, strict=True)
        pieces = [_describe(name, kind, (rows, *shape)) + b',"data":[' for name, (kind, shape) in outputs]
        pieces[1:] = [b"]}," + before for before in pieces[1:]]
        frame = Frame(names, rows, pieces)
        if len(self._frames) < _MOST_KEPT:
            self._frames[names, layout, rows] = frame
        return frame


def _describe(name: str, datatype: str, shape: tuple[int, ...]) -> bytes:
    return b'{"name":%b,"datatype":"%b","shape":%b' % (to_json(name), datatype.encode(), to_json(shape))


def _json_output(name: str, array: Array) -> bytes:
    described = _describe(name, BY_NUMPY[array.dtype].v2, array.shape)
    return b'%b,"data":%b}' % (described, to_json(array.ravel().tolist()))


def _binary_output(name: str, array: Array, size: int) -> bytes:
    described = _describe(name, BY_NUMPY[array.dtype].v2, array.shape)
    return b'%b,"parameters":{"%b":%d}}' % (described, SIZE.encode(), size)
