"""Reasons are one documented list: nothing in the controller says one that is not in it."""

import ast
from pathlib import Path

from contracts.reasons_reference import page
from penstock_contracts.api.reasons import Reason

CONTROLLER = Path(__file__).parents[3] / "controller/src/penstock_controller"


def test_no_reason_is_written_as_plain_text() -> None:
    written = [
        f"{path.relative_to(CONTROLLER)}:{node.value.lineno}"
        for path in CONTROLLER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.keyword) and node.arg == "reason"
        if isinstance(node.value, ast.Constant) and node.value.value
    ]
    assert written == []


def test_the_page_explains_each_reason_once() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [reason.value for reason in Reason]
    assert all(len(row.split("|")[2].strip()) > len("A word.") for row in rows)


def test_each_reason_is_used() -> None:
    source = "".join(path.read_text() for path in CONTROLLER.rglob("*.py"))
    unused = [reason.name for reason in Reason if f"Reason.{reason.name}" not in source]
    assert unused == []
