"""V2 answers as bytes: strict JSON, with tensors inside it or behind it."""

from collections.abc import Callable, Sequence
from itertools import starmap

import msgspec

from penstock_predictor.identity import ModelIdentity
from penstock_predictor.tensors.binary_tail import SIZE
from penstock_predictor.tensors.datatypes import BY_NUMPY, Array
from penstock_predictor.tensors.raw_tensors import encode_raw

to_json = msgspec.json.encode
"""NaN and infinities become null."""


class InferAnswers:
    """Answers of one model. What is the same in all of them is made once."""

    def __init__(self, identity: ModelIdentity) -> None:
        named = to_json({"model_name": identity.name, "model_version": identity.version})[:-1]
        digest = b'"parameters":' + to_json({"digest": identity.digest}) + b',"outputs":['
        self._head = named + b","
        self._digest = digest
        self._without_id = self._head + digest

    def json(self, request_id: str | None, names: Sequence[str], arrays: Sequence[Array]) -> bytes:
        """Every tensor's elements as JSON."""
        return self._begin(request_id) + b",".join(starmap(_json_output, zip(names, arrays, strict=True))) + b"]}"

    def binary(
        self, request_id: str | None, names: Sequence[str], arrays: Sequence[Array], wants_bytes: Callable[[str], bool]
    ) -> tuple[bytes, int]:
        """Some tensors as bytes behind the JSON; and how long the JSON is."""
        outputs, tail = [], []
        for name, array in zip(names, arrays, strict=True):
            if wants_bytes(name):
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


def _described(name: str, array: Array) -> bytes:
    shape = to_json(array.shape)
    return b'{"name":%b,"datatype":"%b","shape":%b' % (to_json(name), BY_NUMPY[array.dtype].v2.encode(), shape)


def _json_output(name: str, array: Array) -> bytes:
    return b'%b,"data":%b}' % (_described(name, array), to_json(array.ravel().tolist()))


def _binary_output(name: str, array: Array, size: int) -> bytes:
    return b'%b,"parameters":{"%b":%d}}' % (_described(name, array), SIZE.encode(), size)
