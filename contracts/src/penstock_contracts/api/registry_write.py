"""What status remembers of the registry, so that nothing that it is to show gets lost: written once, then at rest."""

from typing import Annotated

from pydantic import Field

from penstock_contracts.api.schema import Number, StatusModel


class RevisionSource(StatusModel):
    """Where the version of a revision is registered: the spec may name another model meanwhile."""

    revision: str
    connection: str
    """Name of the registry connection."""
    model: str
    """Name of the registered model."""


class NamedNumbers(StatusModel):
    """Numbers that belong together."""

    name: Annotated[str, Field(max_length=64)]
    """What they are."""
    numbers: Annotated[tuple[Number, ...], Field(max_length=2)]
    """Of a figure: the candidate's and, where the gate compares, stable's. Of a bound: how far it came, its limit."""


class GateOutcome(StatusModel):
    """What a gate said at the end of an attempt, in short."""

    gate: Annotated[str, Field(max_length=128)]
    """Its name, as in status.gates."""
    stage: Annotated[str, Field(max_length=16)]
    """As in status.gates."""
    verdict: Annotated[str, Field(max_length=16)]
    """As in status.gates."""
    samples: int = 0
    """As in status.gates."""
    figures: Annotated[tuple[NamedNumbers, ...], Field(max_length=8)] = ()
    """The first of the numbers that it judged by."""
    bounds: Annotated[tuple[NamedNumbers, ...], Field(max_length=8)] = ()
    """What its verdict hung on."""


class AttemptOutcome(StatusModel):
    """How an attempt ended, as the registry is to show it on the version."""

    attempt: int
    """Number of the attempt."""
    completion: str
    """How it ended."""
    reason: str
    """Why, in one word."""
    message: Annotated[str, Field(max_length=2048)]
    """Why, in a sentence with the numbers."""
    ended_at: str
    """RFC 3339."""
    gates: Annotated[tuple[GateOutcome, ...], Field(max_length=32)] = ()
    """What each gate said."""


class UnwrittenOutcome(StatusModel):
    """An outcome that the registry does not show yet."""

    connection: str
    """Name of the registry connection."""
    model: str
    """Name of the registered model."""
    version: str
    """The registry's version number."""
    outcome: AttemptOutcome
    """What it is to show."""


class LiveAlias(StatusModel):
    """What `spec.registry.liveAlias` is to point at."""

    connection: str
    """Name of the registry connection."""
    model: str
    """Name of the registered model."""
    alias: str
    version: str
    """The version that is stable."""
    shown: bool = False
    """Whether the registry has confirmed it. It is not moved again afterwards, whoever moves it."""


class RegistryWrite(StatusModel):
    """What the registry is to show, and what of it is not written yet."""

    sources: Annotated[tuple[RevisionSource, ...], Field(max_length=8)] = ()
    """Of the revisions that are stable, on trial or previous."""
    unwritten: Annotated[tuple[UnwrittenOutcome, ...], Field(max_length=20)] = ()
    """Outcomes, oldest first; of each version the newest."""
    live: LiveAlias | None = None
    """The alias that follows stable."""
    problem: Annotated[str, Field(max_length=1024)] = ""
    """What could not be written for good, and why; empty again after the next one that could."""
