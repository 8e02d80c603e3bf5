"""Renders docs/user/why-was-my-version-refused.md below a folder, from the code that refuses. Run by `make generate`.

    python docs/site/refusals.py FOLDER

A class that refuses says in its docstring what is wrong, and in the second paragraph what to change. The folder has
the CRD already, for what the API server refuses.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from penstock.errors import ModelRefused
from penstock_contracts.api import reasons
from penstock_contracts.api.reasons import Reason
from penstock_model_store.errors import ArtifactRefused, Failed
from penstock_predictor.errors import StartError
from penstock_predictor.records.columns import UnknownColumn

_PAGE = """# Why was my version refused?

This page is for whoever reads a reason and wants to know what to change. `log_model` prints the reason, `kubectl
penstock status NAME` shows it, and a [tag of the version in MLflow](rollouts.md#what-mlflow-shows) has it. The
message beside it has the details: which file, which column, which figures. Whatever the reason, the version before
goes on to serve. Generated from the code: do not edit.

## `log_model` refuses it

The error's class is the reason. Nothing was logged.

{sdk}

## The model store refuses it

The model store checks each version before a pod of it starts. It does not try the same version again: register a
corrected one, and move the alias to it. `penstock check` says the same on your machine, before.

{refused}

These say nothing against the version. The store tries again by itself:

{failed}

## A pod does not start

A predictor pod that cannot serve ends and says why. `kubectl describe pod` shows it, below `Last State`.

{pods}

## It was tried, and taken back

{ends}

With `GateFailed` the record names the gate, and why it failed:

{gates}

## The API server rejects the ModelDeployment

`kubectl apply` prints the field and a sentence. The sentence is the rule that the field must keep; it says what to
write.

{rules}
"""
PAGE = "docs/user/why-was-my-version-refused.md"
CRD = "manifests/crd/modeldeployments.yaml"
_NOT_TAKEN = re.compile(r"(\S+(?:, \S+)*) has no (\w+)")
HEAD = ("| reason | what is wrong | what to change |", "| --- | --- | --- |")
START_ERRORS = (*(kind for kind in StartError.__subclasses__() if kind is not UnknownColumn), UnknownColumn)
"""The last one is in a module of its own."""
ENDS = {
    Reason.GATE_FAILED: (
        "Read which gate failed, and its figures: `kubectl penstock history NAME`. The next table has what "
        "each may say."
    ),
    Reason.PREFLIGHT_FAILED: (
        "Change the model's inputs or outputs back, or accept the change: [the gate preflight](gates/preflight.md)."
    ),
    Reason.PODS_KEEP_FAILING: (
        "The message names the pods: `kubectl get events` says what became of each. [One sick pod of "
        "several](gates/errors.md#one-sick-pod-of-several) explains when it is the version's fault."
    ),
    Reason.CANDIDATE_UNAVAILABLE: (
        "Look at the pods: `kubectl get pods`, `kubectl logs`. [The table above](#a-pod-does-not-start) has "
        "what they may say."
    ),
    Reason.PROGRESS_DEADLINE_EXCEEDED: (
        "Did it wait for requests? [Replay recorded "
        "ones](gates/predictions.md#few-requests-replay-recorded-ones), or make the deadline longer. Did it "
        "wait for pods? [The table above](#a-pod-does-not-start) says why they may not start."
    ),
    Reason.INCONCLUSIVE: (
        "Let the steps last longer, or write `onInconclusive: Pause`. `NotShownToServe` means that half of its tries "
        "failed, as stable's did: mend what both need."
    ),
    Reason.ABORTED: ("Ask who sent abort. [Retry](steering.md) tries the version again."),
    Reason.UNDONE: ("Ask who sent undo. [Retry](steering.md) ends the hold."),
    Reason.SUPERSEDED: ("Nothing: another version was wanted before this one was done."),
}
"""How an attempt ends without a promotion."""
GATES = {
    Reason.MARGIN_EXCEEDED: (
        "The message has both versions' figures, and the failures by kind: [errors](gates/errors.md), "
        "[latency](gates/latency.md), [labels](quality-gates.md)."
    ),
    Reason.PREDICTIONS_DIVERGE: (
        "Is a column in another order, or a class called otherwise? If the change is wanted, raise `max`: "
        "[predictions](gates/predictions.md)."
    ),
    Reason.INCOMPATIBLE: (
        "Keep the names, types and shapes that callers use, or accept the change: [preflight](gates/preflight.md)."
    ),
    Reason.GOLDEN_DIFFERS: ("If the change is wanted, raise `goldenTolerance`: [preflight](gates/preflight.md)."),
    Reason.OVER_BUDGET: (
        "Make the model smaller, or raise the limit that the message names: [preflight](gates/preflight.md)."
    ),
    Reason.OUT_OF_RANGE: ("The message has the value and the query: [queries](gates/outside.md#the-gate-query)."),
    Reason.CHECK_FAILED: ("The message is the service's own: [webhooks](gates/outside.md#the-gate-webhook)."),
}
"""With which a gate fails a version."""


def page(crd: dict[str, Any]) -> str:
    """The whole page."""
    rules = sorted({f"| `{field}` | {_cell(message)} |" for field, message in _joined(set(_rules(crd)))})
    tables = {
        "sdk": _table(ModelRefused.__subclasses__()),
        "refused": _table(ArtifactRefused.__subclasses__()),
        "failed": _table(Failed.__subclasses__()),
        "pods": _table(START_ERRORS),
        "ends": [*HEAD, *_rows(ENDS)],
        "gates": [*HEAD, *_rows(GATES)],
        "rules": ["| field | rule |", "| --- | --- |", *rules],
    }
    return _PAGE.format(**{name: "\n".join(rows) for name, rows in tables.items()})


def _table(kinds: Iterable[type[BaseException]]) -> list[str]:
    rows = ((kind.__name__, *map(_cell, told(kind))) for kind in kinds)
    return [*HEAD, *(f"| `{name}` | {wrong} | {change} |" for name, wrong, change in rows)]


def told(kind: type[BaseException]) -> tuple[str, str]:
    """What is wrong and what to change, from a class' docstring. Raises ValueError where it lacks one of them."""
    wrong, _, change = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")
    if not wrong or not change:
        raise ValueError(f"{kind.__name__}: its docstring says what is wrong, and in a second paragraph what to change")
    return " ".join(wrong.split()), " ".join(change.split())


def _rows(advice: dict[Reason, str]) -> Iterator[str]:
    meanings = dict(_meanings())
    yield from (f"| `{reason}` | {_cell(meanings[reason])} | {change} |" for reason, change in advice.items())


def _meanings() -> Iterator[tuple[str, str]]:
    """Each reason's word, and the docstring below it."""
    body = next(
        node for node in ast.parse(Path(reasons.__file__).read_text()).body if isinstance(node, ast.ClassDef)
    ).body
    for member, meaning in pairwise(body):
        if isinstance(member, ast.Assign) and isinstance(meaning, ast.Expr):
            yield ast.literal_eval(member.value), ast.literal_eval(meaning.value)


def _rules(schema: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Field and sentence of each rule of a CRD."""
    if isinstance(schema, list):
        for each in schema:
            yield from _rules(each, field)
    elif isinstance(schema, dict):
        yield from ((field or "metadata", rule["message"]) for rule in schema.get("x-kubernetes-validations", ()))
        for key, value in schema.items():
            inner = value.items() if key == "properties" else ()
            yield from (found for name, each in inner for found in _rules(each, f"{field}.{name}".lstrip(".")))
            if key == "items":
                yield from _rules(value, f"{field}[]")
            elif key not in ("properties", "x-kubernetes-validations"):
                yield from _rules(value, field)


def _joined(rules: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The same rules; those that say of one gate what it does not take, as one."""
    not_taken: dict[tuple[str, str], list[str]] = {}
    for field, message in sorted(rules):
        found = _NOT_TAKEN.fullmatch(message)
        if found:
            not_taken.setdefault((field, found[1]), []).append(found[2])
        else:
            yield field, message
    for (field, kind), fields in not_taken.items():
        yield field, f"{kind} has no {', '.join(fields)}"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def main(root: Path) -> None:
    """Write the page below `root`."""
    target = root / PAGE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(yaml.safe_load((root / CRD).read_text())))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd())
