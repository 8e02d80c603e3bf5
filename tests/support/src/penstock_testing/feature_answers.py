"""A version with looked-up columns, and a server that answers like Feast's until it is told to misbehave."""

import json
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from penstock_contracts.features import FeatureLookup
from penstock_contracts.inference import InferRequest, InferResponse, RequestInput, ResponseOutput
from penstock_contracts.model_card import Column, ModelCard
from penstock_testing import tiny_models
from penstock_testing.faulty_server import Fault, FaultyExchange, FaultyServer
from penstock_testing.model_folder import card_of

PATH = "/get-online-features"
COLUMNS = (
    Column(name="flag", type="boolean"),
    Column(name="count", type="long"),
    Column(name="amount", type="double"),
    Column(name="word", type="string"),
)
"""Of `tiny_models.typed_columns`, whose outputs tell what went in: opposite, next, half and same."""
LOOKUP = FeatureLookup.model_validate(
    {
        "entities": {"user_id": "string"},
        "columns": {
            "count": {"feature": "users:count", "onMissing": "default", "default": 40, "maxAge": "1h"},
            "amount": {"feature": "users:amount", "onMissing": "null"},
            "word": {"feature": "users:word", "onMissing": "default", "default": "none"},
        },
    }
)


def write_version(folder: Path, lookup: FeatureLookup = LOOKUP) -> ModelCard:
    """The folder of a version whose columns count, amount and word are looked up; flag is always given."""
    tiny_models.typed_columns(folder / "model.onnx")
    asked = {"flag": ("BOOL", True), "count": ("INT64", 1), "amount": ("FP64", 2.0), "word": ("BYTES", "a")}
    answered = {"opposite": ("BOOL", False), "next": ("INT64", 2), "half": ("FP64", 1.0), "same": ("BYTES", "a")}
    inputs = tuple(
        RequestInput(name=name, shape=(1, 1), datatype=kind, data=[one]) for name, (kind, one) in asked.items()
    )
    outputs = tuple(
        ResponseOutput(name=name, shape=(1, 1), datatype=kind, data=[one]) for name, (kind, one) in answered.items()
    )
    (folder / "features.json").write_text(lookup.model_dump_json(exclude_none=True))
    card = card_of(
        folder,
        request=InferRequest(inputs=inputs),
        response=InferResponse(model_name="m", outputs=outputs),
        columns=COLUMNS,
        features=lookup,
        paths=("model.onnx", "features.json"),
    )
    (folder / "card.json").write_text(card.model_dump_json())
    return card


class FeatureAnswers:
    """Answers from `values`: entity to feature to value and event time. A test's faults come first, one a request."""

    def __init__(self, values: Mapping[str, Mapping[str, tuple[Any, str]]]) -> None:
        self.values = dict(values)
        self.faults: deque[Fault] = deque()
        self.asked: list[dict[str, Any]] = []
        """Every question, in its order."""
        self.server = FaultyServer({PATH: self._answer})

    async def __aenter__(self) -> Self:
        """Listen on a free port of 127.0.0.1."""
        await self.server.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Stop listening."""
        await self.server.__aexit__(*exception)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server.port}"

    async def _answer(self, exchange: FaultyExchange) -> None:
        question = json.loads(exchange.request_body)
        self.asked.append(question)
        if self.faults:
            await self.faults.popleft()(exchange)
        else:
            await exchange.answer(self.body(question), headers=("content-type: application/json",))

    def body(self, question: dict[str, Any]) -> bytes:
        """What Feast's server says, in an order of its own."""
        ((entity, keys),) = question["entities"].items()
        names = sorted(reference.replace(":", "__") for reference in question["features"])
        results = [_result([(key, "1970-01-01T00:00:00Z") for key in keys])]
        for name in names:
            feature = name.partition("__")[2]
            results.append(_result([self.values.get(key, {}).get(feature) for key in keys]))
        return json.dumps({"metadata": {"feature_names": [entity, *names]}, "results": results}).encode()


def _result(found: list[tuple[Any, str] | None]) -> dict[str, list[Any]]:
    return {
        "values": [one[0] if one else None for one in found],
        "statuses": ["PRESENT" if one else "NOT_FOUND" for one in found],
        "event_timestamps": [one[1] if one else "1970-01-01T00:00:00Z" for one in found],
    }
