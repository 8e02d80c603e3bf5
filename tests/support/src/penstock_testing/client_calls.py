"""What every client that is not ours asks, and how its script tells what it got.

Runs in the clients' own environments: numpy and the standard library, nothing else.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Seen = dict[str, Any]
"""What a call gave, as JSON can carry it."""

SCALED, TYPED, DOUBLED = "scaled", "typed", "doubled"
"""The models, as `tiny_models` makes them."""
HEALTH = "live, ready, model ready"
METADATA = "metadata of server and model"
WRONG_SHAPE = "a wrong shape"
UNKNOWN_MODEL = "a model that is not there"


@dataclass(frozen=True, kw_only=True)
class ClientQuestion:
    """An inference request, however it is sent."""

    title: str
    model: str
    feeds: Mapping[str, Array]
    outputs: tuple[str, ...] = ()
    """Names that are asked for; none: all."""
    name: str = ""
    """What the model is called in the request, where that is not its name."""

    @property
    def called(self) -> str:
        """The model's name in the request."""
        return self.name or self.model


def _column(*values: Any, dtype: type) -> Array:
    return np.array([[value] for value in values], dtype=dtype)


_TYPED = {
    "flag": _column(True, False, dtype=np.bool_),
    "count": _column(-(2**40), 2**62, dtype=np.int64),
    "amount": _column(0.1, -1e300, dtype=np.float64),
    "word": _column("née \U0001f600", "plain", dtype=np.object_),
}
_ROWS = 2000

QUESTIONS = (
    ClientQuestion(title="FP32, one row", model=SCALED, feeds={"x": np.array([[0.1, -2]], np.float32)}),
    ClientQuestion(
        title=f"FP32, {_ROWS} rows",
        model=SCALED,
        feeds={"x": np.linspace(-1, 1, 2 * _ROWS, dtype=np.float32).reshape(-1, 2)},
    ),
    ClientQuestion(title="BOOL, INT64, FP64 and BYTES; all outputs", model=TYPED, feeds=_TYPED),
    ClientQuestion(
        title="the same; two outputs, in another order", model=TYPED, feeds=_TYPED, outputs=("same", "next")
    ),
    ClientQuestion(title="FP16", model=DOUBLED, feeds={"x": np.array([[0.5, -2]], np.float16)}),
)
REFUSED = (
    ClientQuestion(title=WRONG_SHAPE, model=SCALED, feeds={"x": np.array([[1, 2, 3]], np.float32)}),
    ClientQuestion(title=UNKNOWN_MODEL, model=SCALED, feeds=QUESTIONS[0].feeds, name="nobody"),
)

V2_NAMES = {
    "bool": "BOOL",
    "int64": "INT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "object": "BYTES",
}
"""The protocol's names for numpy's."""


class Unable(Exception):
    """The client itself has no way to say this; the message tells why."""


class Way(Protocol):
    """One transport or form that a client offers."""

    def health(self) -> Seen:
        """Ask three times whether it is there: {"live", "ready", "model"}."""

    def metadata(self) -> Seen:
        """Ask what is there: {"server", "inputs", "outputs"}, each tensor as [name, datatype, shape]."""

    def infer(self, question: ClientQuestion, request_id: str) -> Seen:
        """Ask a model; see `answered`."""


@dataclass(frozen=True)
class Servers:
    """Addresses (host:port) by model."""

    http: Mapping[str, str]
    grpc: Mapping[str, str]


def answered(request_id: str | None, arrays: Mapping[str, Array]) -> Seen:
    """What an answer says: its id, and its tensors in their order."""
    return {"id": request_id, "outputs": [[name, *shown(array)] for name, array in arrays.items()]}


def shown(array: Array) -> list[Any]:
    """A tensor's type, shape and values. Text may arrive as bytes or as str."""
    if array.dtype.kind not in "OSU":
        return [str(array.dtype), list(array.shape), array.ravel().tolist()]
    texts = [value.decode() if isinstance(value, bytes) else str(value) for value in array.ravel().tolist()]
    return ["text", list(array.shape), texts]


def tell(version: str, ways: Callable[[Servers], Mapping[str, Way]]) -> None:
    """Make every call in every way, and write what was seen. Arguments of the process: addresses, and a file."""
    servers = Servers(**json.loads(sys.argv[1]))
    calls = [seen for name, way in ways(servers).items() for seen in _calls(name, way)]
    Path(sys.argv[2]).write_text(json.dumps({"version": version, "calls": calls}))


def _calls(name: str, way: Way) -> list[Seen]:
    seen = [_seen(name, HEALTH, way.health), _seen(name, METADATA, way.metadata)]
    for number, question in enumerate((*QUESTIONS, *REFUSED)):
        seen.append(_seen(name, question.title, lambda: way.infer(question, f"r-{number}")))  # noqa: B023 - called at once
    return seen


def _seen(way: str, title: str, call: Callable[[], Seen]) -> Seen:
    said: Seen = {"way": way, "call": title}
    try:
        return said | {"answer": call()}
    except Unable as reason:
        return said | {"unable": str(reason)}
    except Exception as error:  # noqa: BLE001 - each client has exceptions of its own; the test reads their words
        return said | {"refused": f"{type(error).__name__}: {error}"}
