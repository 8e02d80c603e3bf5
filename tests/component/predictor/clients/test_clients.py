"""Clients that are not ours, unchanged: every answer is onnxruntime's, every refusal says why.

`make clients` writes docs/reference/clients.md anew; read the difference before you commit it.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import onnxruntime
import pytest
from testcluster import paths

from penstock_testing.client_calls import (
    HEALTH,
    METADATA,
    QUESTIONS,
    UNKNOWN_MODEL,
    WRONG_SHAPE,
    Array,
    ClientQuestion,
    Seen,
    answered,
)

from . import table
from .conftest import NAMES

pytestmark = pytest.mark.timeout(900)  # the first run on a machine installs the clients

PAGE = paths.PROJECT / "docs" / "reference" / "clients.md"
_MOST_SAID = 300
"""Characters of what was wrong: one answer has thousands of numbers."""
REFUSALS = {WRONG_SHAPE: "expected shape [-1, 2]", UNKNOWN_MODEL: "unknown model 'nobody'"}
FACTS: dict[str, Seen] = {
    HEALTH: {"live": True, "ready": True, "model": True},
    METADATA: {
        "server": "penstock-predictor",
        "inputs": [["x", "FP32", [-1, 2]]],
        "outputs": [["y", "FP32", [-1, 2]]],
    },
}


def computed(question: ClientQuestion, file: Path) -> list[list[Any]]:
    """Onnxruntime's own answer to a question, as the scripts tell theirs."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = list(question.outputs) or [output.name for output in session.get_outputs()]
    arrays = cast("list[Array]", session.run(names, dict(question.feeds)))  # these models have tensors only
    outputs: list[list[Any]] = answered(None, dict(zip(names, arrays, strict=True)))["outputs"]
    return outputs


@pytest.fixture(scope="session")
def expected(model_files: Mapping[str, Path]) -> dict[str, Seen]:
    """What each call must give."""
    answers = {
        question.title: {"id": f"r-{number}", "outputs": computed(question, model_files[question.model])}
        for number, question in enumerate(QUESTIONS)
    }
    return FACTS | answers


def verdict(call: Seen, expected: Mapping[str, Seen]) -> str:
    """A word for the table, or what is wrong."""
    refusal = REFUSALS.get(call["call"])
    if refusal is not None:
        said = call.get("refused", "")
        return table.REFUSED if refusal in said else f"WRONG: {said or 'answered'}"
    if call.get("answer") == expected[call["call"]]:
        return table.EQUAL
    return f"WRONG: {call.get('refused') or call['answer']}"[:_MOST_SAID]


@pytest.fixture(scope="session")
def verdicts(told: Mapping[str, Seen], expected: Mapping[str, Seen]) -> dict[tuple[str, str, str], str]:
    """By client, way and call."""
    return {
        (client, call["way"], call["call"]): verdict(call, expected)
        for client, seen in told.items()
        for call in seen["calls"]
        if "unable" not in call
    }


def wrong(verdicts: Mapping[tuple[str, str, str], str], client: str) -> list[str]:
    """A client's calls that gave something else, a line each."""
    said = [(key, said) for key, said in verdicts.items() if key[0] == client]
    return [f"{way}: {call}: {verdict}" for (_, way, call), verdict in said if verdict.startswith("WRONG")]


@pytest.mark.parametrize("client", NAMES)
def test_every_call_gives_what_onnxruntime_gives(client: str, verdicts: Mapping[tuple[str, str, str], str]) -> None:
    assert not wrong(verdicts, client)


def test_the_page_says_what_was_seen(told: Mapping[str, Seen], verdicts: Mapping[tuple[str, str, str], str]) -> None:
    assert not [call for client in NAMES for call in wrong(verdicts, client)]
    page = table.render(told, verdicts)
    if os.environ.get("PENSTOCK_UPDATE_CLIENTS"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page
