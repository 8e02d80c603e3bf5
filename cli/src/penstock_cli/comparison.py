"""Two revisions beside each other: the attempt, what its gates said, its pod template, its model. No I/O."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import yaml

from penstock_cli.errors import CliError
from penstock_cli.gates import gate_view
from penstock_cli.kubernetes_objects import JsonObject
from penstock_contracts.api.status import DecisionRecord, GateResult, ModelDeploymentStatus, Revision
from penstock_contracts.model_card import Column, ModelCard, TensorSpec

_CONTEXT = 2
"""Lines kept around a difference."""


@dataclass(frozen=True, kw_only=True)
class ComparedRevision:
    """One of the two."""

    title: str
    revision: str
    version: str
    digest: str
    attempt: int | None = None
    """None: its decision record is not in the history (yet)."""
    record: DecisionRecord | None = None
    """None: the attempt goes on, or its record has left the history."""
    gates: tuple[GateResult, ...] = ()
    pod_spec: JsonObject | None = None
    """None: `no_pod_spec` says why."""
    no_pod_spec: str = ""
    card: ModelCard | None = None
    """None: `no_card` says why."""
    no_card: str = ""


def find_revision(status: ModelDeploymentStatus, name: str) -> ComparedRevision:
    """What a status knows of `stable`, `candidate`, `previous`, an attempt's number or a revision. Raises CliError."""
    pointers = _pointers(status)
    if name in pointers:
        pointer = pointers[name]
        if pointer is None:
            raise CliError(f"there is no {name} version now")
        return _of_pointer(status, name, pointer)
    for record in status.history:
        if name in {str(record.attempt), record.revision}:
            return _of_record(record)
    for role, pointer in pointers.items():
        if pointer and name in {pointer.revision, str(_running_attempt(status, role))}:
            return _of_pointer(status, role, pointer)
    names = ", ".join(revision_names(status)) or "none"
    raise CliError(f"no attempt or revision {name!r} is known; known are {names}")


def revision_names(status: ModelDeploymentStatus) -> list[str]:
    """All names that `find_revision` takes, without the bare revisions."""
    return [
        *(role for role, pointer in _pointers(status).items() if pointer),
        *(str(record.attempt) for record in status.history),
    ]


def _pointers(status: ModelDeploymentStatus) -> dict[str, Revision | None]:
    return {"stable": status.stable, "candidate": status.candidate, "previous": status.previous}


def _running_attempt(status: ModelDeploymentStatus, role: str) -> int | None:
    """The attempt that goes on with a pointer's revision. The one that bakes is stable's, though previous holds it."""
    if role == "candidate" and status.candidate:
        return status.candidate.attempt
    return status.previous.attempt if role == "stable" and status.previous else None


def _of_record(record: DecisionRecord) -> ComparedRevision:
    return ComparedRevision(
        title=f"attempt {record.attempt}",
        revision=record.revision,
        version=record.version,
        digest=record.digest,
        attempt=record.attempt,
        record=record,
        gates=record.gates,
    )


def _of_pointer(status: ModelDeploymentStatus, role: str, pointer: Revision) -> ComparedRevision:
    """With the attempt that goes on and its gates, else with the newest record of that revision, if any."""
    compared = ComparedRevision(title=role, revision=pointer.revision, version=pointer.version, digest=pointer.digest)
    attempt = _running_attempt(status, role)
    if attempt is not None:
        return replace(compared, attempt=attempt, gates=status.gates)
    record = next((each for each in status.history if each.revision == pointer.revision), None)
    return replace(compared, attempt=record.attempt, record=record, gates=record.gates) if record else compared


def differences(left: ComparedRevision, right: ComparedRevision) -> Iterator[str]:
    """Lines as `diff` writes them, part by part."""
    titles = (left.title, right.title)
    yield from _part("attempt", titles, _facts(left), _facts(right))
    yield from _part("gates", titles, _gates(left), _gates(right))
    if left.pod_spec is None or right.pod_spec is None:
        yield from _missing("pod template", {each.title: each.no_pod_spec for each in (left, right)})
    else:
        yield from _part("pod template", titles, _yaml(left.pod_spec), _yaml(right.pod_spec))
    if left.card is None or right.card is None:
        yield from _missing("model", {each.title: each.no_card for each in (left, right)})
    else:
        yield from _part("model", titles, _card(left.card), _card(right.card))


def _part(name: str, titles: tuple[str, str], one: list[str], other: list[str]) -> Iterator[str]:
    yield f"{name}:" + (" the same" if one == other else "")
    lines = difflib.unified_diff(one, other, *titles, n=_CONTEXT, lineterm="")
    yield from (f"  {each}" for each in lines if not each.startswith("@@"))


def _missing(name: str, why: Mapping[str, str]) -> Iterator[str]:
    yield f"{name}: not compared"
    yield from (f"  {title}: {reason}" for title, reason in why.items() if reason)


def _facts(each: ComparedRevision) -> list[str]:
    record = each.record
    facts = {
        "attempt": each.attempt,
        "version": each.version,
        "revision": each.revision,
        "digest": each.digest,
        "completion": record.completion if record else "none yet",
        "reason": record.reason if record else "",
        "started": record.started_at if record else "",
        "ended": record.ended_at if record else "",
        "message": record.message if record else "",
    }
    return [f"{name}: {value}" for name, value in facts.items() if value not in {None, ""}]


def _gates(each: ComparedRevision) -> list[str]:
    lines = []
    for gate in map(gate_view, each.gates):
        lines.append(f"{gate.title}: {gate.verdict}")
        lines.extend(f"  {each}" for each in (*gate.figures, *gate.bounds))
        lines.extend(f"  query: {gate.query}" for _ in range(bool(gate.query)))
        lines.append(f"  {gate.message}")
    return lines


def _yaml(pod_spec: JsonObject) -> list[str]:
    return yaml.safe_dump(pod_spec, sort_keys=True, width=120).splitlines()


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
