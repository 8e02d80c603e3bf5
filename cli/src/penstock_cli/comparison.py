"""Two revisions beside each other: the attempt, what its gates said, its pod template, its model. No I/O."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from penstock_cli.errors import Trouble
from penstock_cli.picture import gate_view
from penstock_contracts.model_card import Column, ModelCard, TensorSpec

Object = Mapping[str, Any]

_POINTERS = ("stable", "candidate", "previous")
_CONTEXT = 2
"""Lines kept around a difference."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two."""

    title: str
    revision: str
    version: str
    digest: str
    attempt: int | None = None
    """None: its decision record is not in the history (yet)."""
    record: Object | None = None
    gates: tuple[Object, ...] = ()
    template: Object | None = None
    """None: `no_template` says why."""
    no_template: str = ""
    card: ModelCard | None = None
    """None: `no_card` says why."""
    no_card: str = ""


def side(status: Object, wanted: str) -> Side:
    """What a status knows of `stable`, `candidate`, `previous`, an attempt's number or a revision. Raises Trouble."""
    if wanted in _POINTERS:
        found = status.get(wanted)
        if not found:
            raise Trouble(f"there is no {wanted} version now")
        return _of_pointer(status, wanted, found)
    for record in status.get("history", ()):
        if wanted in {str(record["attempt"]), record["revision"]}:
            return _of_record(record)
    for role in _POINTERS:
        found = status.get(role) or {}
        if found and wanted in {found["revision"], str(_attempt(status, role))}:
            return _of_pointer(status, role, found)
    raise Trouble(f"no attempt or revision {wanted!r} is known; known are {', '.join(known(status)) or 'none'}")


def _attempt(status: Object, role: str) -> int | None:
    """The attempt that goes on with a pointer's revision. The one that bakes is stable's, though previous holds it."""
    holder = {"candidate": "candidate", "stable": "previous"}.get(role, "")
    found: int | None = (status.get(holder) or {}).get("attempt")
    return found


def known(status: Object) -> list[str]:
    """All that `side` takes, without the bare revisions."""
    return [
        *(role for role in _POINTERS if status.get(role)),
        *(str(record["attempt"]) for record in status.get("history", ())),
    ]


def _of_record(record: Object) -> Side:
    return Side(
        title=f"attempt {record['attempt']}",
        revision=record["revision"],
        version=record["version"],
        digest=record["digest"],
        attempt=record["attempt"],
        record=record,
        gates=tuple(record.get("gates", ())),
    )


def _of_pointer(status: Object, role: str, found: Object) -> Side:
    """With the newest record of that revision, if any. Gates of an attempt that goes on are the status's."""
    record = next((each for each in status.get("history", ()) if each["revision"] == found["revision"]), None)
    if role == "candidate":
        return _pointer(role, found, None, found["attempt"], tuple(status.get("gates", ())))
    if role == "stable" and status.get("previous"):
        return _pointer(role, found, None, status["previous"]["attempt"], tuple(status.get("gates", ())))
    gates = tuple(record.get("gates", ())) if record else ()
    return _pointer(role, found, record, record["attempt"] if record else None, gates)


def _pointer(role: str, found: Object, record: Object | None, attempt: int | None, gates: tuple[Object, ...]) -> Side:
    return Side(
        title=role,
        revision=found["revision"],
        version=found["version"],
        digest=found["digest"],
        attempt=attempt,
        record=record,
        gates=gates,
    )


def differences(left: Side, right: Side) -> Iterator[str]:
    """Lines as `diff` writes them, part by part."""
    titles = (left.title, right.title)
    yield from _part("attempt", titles, _facts(left), _facts(right))
    yield from _part("gates", titles, _gates(left), _gates(right))
    if left.template is None or right.template is None:
        yield from _missing("pod template", {side.title: side.no_template for side in (left, right)})
    else:
        yield from _part("pod template", titles, _template(left.template), _template(right.template))
    if left.card is None or right.card is None:
        yield from _missing("model", {side.title: side.no_card for side in (left, right)})
    else:
        yield from _part("model", titles, _card(left.card), _card(right.card))


def _part(name: str, titles: tuple[str, str], one: list[str], other: list[str]) -> Iterator[str]:
    yield f"{name}:" + (" the same" if one == other else "")
    found = difflib.unified_diff(one, other, *titles, n=_CONTEXT, lineterm="")
    yield from (f"  {each}" for each in found if not each.startswith("@@"))


def _missing(name: str, why: Mapping[str, str]) -> Iterator[str]:
    yield f"{name}: not compared"
    yield from (f"  {title}: {reason}" for title, reason in why.items() if reason)


def _facts(each: Side) -> list[str]:
    record = each.record or {}
    facts = {
        "attempt": each.attempt,
        "version": each.version,
        "revision": each.revision,
        "digest": each.digest,
        "completion": record.get("completion", "none yet"),
        "reason": record.get("reason", ""),
        "started": record.get("startedAt", ""),
        "ended": record.get("endedAt", ""),
        "message": record.get("message", ""),
    }
    return [f"{name}: {value}" for name, value in facts.items() if value not in {None, ""}]


def _gates(each: Side) -> list[str]:
    lines = []
    for gate in map(gate_view, each.gates):
        lines.append(f"{gate.name} ({gate.stage}): {gate.verdict}")
        lines += [f"  {figure}" for figure in gate.figures]
        lines.append(f"  {gate.message}")
    return lines


def _template(template: Object) -> list[str]:
    return yaml.safe_dump(dict(template), sort_keys=True, width=120).splitlines()


def _card(card: ModelCard) -> list[str]:
    return [
        *(f"file {file.path}: {file.size} bytes, sha256 {file.sha256}" for file in card.files),
        *(f"input {_tensor(each)}" for each in card.inputs),
        *(f"output {_tensor(each)}" for each in card.outputs),
        *(f"column {_column(each)}" for each in card.columns or ()),
        *(f"opset {domain or 'ai.onnx'}: {number}" for domain, number in sorted(card.opsets.items())),
        f"golden request from {card.golden.source}",
    ]


def _tensor(each: TensorSpec) -> str:
    shape = ", ".join("?" if size < 0 else str(size) for size in each.shape)
    return f"{each.name}: {each.datatype} [{shape}]"


def _column(each: Column) -> str:
    return f"{each.name}: {each.type}" + ("" if each.required else ", optional")
