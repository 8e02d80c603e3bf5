"""Attribution by prediction: which version computed an answer, told by onnxruntime, not by what the answer claims."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from penstock_contracts.inference import InferRequest, PredictManyRequest, RequestInput
from penstock_testing.plan import PlannedRequest

Array = NDArray[Any]
Expected = Mapping[str, Array] | None
"""Output name to array; None: the version does not answer this question."""

RELATIVE_TOLERANCE = 1e-5
ABSOLUTE_TOLERANCE = 1e-7
"""About the spacing of 32-bit floats near 1: what summing in another order changes."""
MARGIN = 10
"""Versions must differ by this many tolerances, so that no answer can be near two of them."""

_DATATYPES = {"bool": "BOOL", "float16": "FP16", "float32": "FP32", "float64": "FP64"}


class AmbiguousVersionsError(ValueError):
    """Two versions give the same answer to a request: their answers could not be told apart."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request together with what it means to the graph."""

    request: PlannedRequest
    feed: Mapping[str, Array]
    """Input name to array, as onnxruntime takes it."""

    @classmethod
    def infer(cls, path: str, feed: Mapping[str, Array], *, headers: Mapping[str, str] | None = None) -> "Question":
        """An Open Inference Protocol V2 request with these tensors, to `path` (`.../v2/models/NAME/infer`)."""
        inputs = tuple(_request_input(name, array) for name, array in feed.items())
        body = InferRequest(inputs=inputs).model_dump_json(exclude_none=True)
        return cls(request=PlannedRequest(path=path, headers=dict(headers or {}), body=body), feed=feed)

    @classmethod
    def predict(
        cls,
        path: str,
        rows: Sequence[Mapping[str, Any]],
        feed: Mapping[str, Array],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> "Question":
        """A plain predict request with named features; `feed` is what these rows mean to the graph."""
        body = PredictManyRequest(instances=[dict(row) for row in rows]).model_dump_json()
        return cls(request=PlannedRequest(path=path, headers=dict(headers or {}), body=body), feed=feed)


class Expectation:
    """For each distinct request, the answer of each version under test."""

    def __init__(
        self, questions: Sequence[Question], answers: Mapping[str, Sequence[Expected]], *, alike: bool = False
    ) -> None:
        """`answers`: version to one for each question. `alike`: some questions may have one answer of two versions.

        Such an answer is attributed to `1 or 2`. Raises AmbiguousVersionsError where that is not allowed; ValueError.
        """
        if not questions or not answers:
            raise ValueError("attribution needs at least one request and one version")
        self.questions = tuple(questions)
        self._answers = {version: tuple(given) for version, given in answers.items()}
        if not alike:
            self._check_distinct()

    @classmethod
    def of_models(
        cls,
        questions: Sequence[Question],
        models: Mapping[str, Path],
        *,
        silent: Mapping[str, Collection[int]] | None = None,
        alike: bool = False,
    ) -> "Expectation":
        """Ask onnxruntime, in this process, for every version's answers.

        `models`: version to its `.onnx` file. `silent`: version to the questions that it fails or hangs on; it is not
        asked them here, and an answer to one of them is not its own.
        """
        unasked = silent or {}
        if unknown := unasked.keys() - models.keys():
            raise ValueError(f"silent names versions that have no model: {sorted(unknown)}")
        return cls(
            questions,
            {version: _computed(path, questions, unasked.get(version, ())) for version, path in models.items()},
            alike=alike,
        )

    def learn(self, version: str, model: Path) -> None:
        """Expect answers of one more version, which was not there when the run began."""
        self._answers[version] = _computed(model, self.questions, ())

    @property
    def versions(self) -> tuple[str, ...]:
        """In the order they were given."""
        return tuple(self._answers)

    def attribute(self, question: int, body: str) -> str | None:
        """The version whose answer `body` is; None when it is no version's."""
        expected = {version: each for version, given in self._answers.items() if (each := given[question])}
        try:
            content = json.loads(body)
            found = [version for version, each in expected.items() if _matches(each, _parsed(content, each))]
            return " or ".join(found) or None
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return None

    def _check_distinct(self) -> None:
        for (one, first), (other, second) in combinations(self._answers.items(), 2):
            for number, (mine, theirs) in enumerate(zip(first, second, strict=True)):
                if mine and theirs and _equal_answers(mine, theirs):
                    raise AmbiguousVersionsError(
                        f"versions {one} and {other} answer request {number} alike (within {MARGIN} tolerances): "
                        "responses could not be attributed; choose inputs or models that differ",
                    )


def _computed(path: Path, questions: Sequence[Question], silent: Collection[int]) -> tuple[Expected, ...]:
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return tuple(
        None
        if number in silent
        else dict(zip(names, map(np.asarray, session.run(names, dict(each.feed))), strict=True))
        for number, each in enumerate(questions)
    )


def _request_input(name: str, array: Array) -> RequestInput:
    datatype = _DATATYPES.get(array.dtype.name) or {"i": "INT", "u": "UINT"}.get(array.dtype.kind, "")
    if datatype in ("INT", "UINT"):
        datatype += str(array.dtype.itemsize * 8)
    return RequestInput(name=name, shape=array.shape, datatype=datatype or "BYTES", data=array.ravel().tolist())


def _parsed(answer: dict[str, Any], expected: Mapping[str, Array]) -> dict[str, list[Any]]:
    """Output name to its values, flat and row-major, of a V2 or a plain predict answer.

    A plain answer calls a classifier's label `prediction`, and what stands beside it `probability` or `scores`: of the
    expected outputs that is the one with floats.
    """
    if "outputs" in answer:
        return {output["name"]: _flat(output["data"]) for output in answer["outputs"]}
    rows = answer["predictions"]
    names = sorted(expected, key=lambda name: expected[name].dtype.kind == "f")
    parts = [part for part in ("prediction", "probability", "scores") if part in rows[0]]
    return {name: _flat([row[part] for row in rows]) for name, part in zip(names, parts, strict=True)}


def _flat(value: object) -> list[Any]:
    if isinstance(value, list):
        return [scalar for part in value for scalar in _flat(part)]
    return [value]


def _matches(expected: Mapping[str, Array], answer: Mapping[str, list[Any]]) -> bool:
    if expected.keys() != answer.keys():
        return False
    return all(_near(array, answer[name]) for name, array in expected.items())


def _equal_answers(one: Mapping[str, Array], other: Mapping[str, Array]) -> bool:
    if one.keys() != other.keys():
        return False
    return all(_near(array, other[name].ravel().tolist(), margin=MARGIN) for name, array in one.items())


def _near(expected: Array, values: list[Any], *, margin: float = 1) -> bool:
    if expected.size != len(values):
        return False
    if expected.dtype.kind != "f":
        return bool(expected.ravel().tolist() == values)
    try:
        given = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return np.allclose(
        given,
        expected.ravel().astype(np.float64),
        rtol=margin * RELATIVE_TOLERANCE,
        atol=margin * ABSOLUTE_TOLERANCE,
        equal_nan=True,
    )
