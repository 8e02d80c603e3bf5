"""Whether a split can be followed; if not, which field is wrong."""

import re
from collections.abc import Iterator

from penstock_contracts.traffic import TrafficSplit

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_HEADER_VALUE = re.compile(r"[!-~]([ -~]{0,1022}[!-~])?")
_NOT_FROM_USERS = ("x-penstock-", "x-envoy-")
_REPLACED = ("host", "x-request-id")
"""Envoy routes by the first as an authority, and makes the second itself."""
_LONGEST_TIMEOUT = 3600.0
_FULL = 100


def is_name(name: str) -> bool:
    """Tell whether this is a DNS label: what routes and clusters can be named by."""
    return _NAME.fullmatch(name) is not None


def problem_of_split(split: TrafficSplit) -> str:
    """Return the first problem, which begins with the field's path in the split; empty: there is none."""
    return next(_problems(split), "")


def _problems(split: TrafficSplit) -> Iterator[str]:
    yield from _problems_of_backends(split)
    if not 0 < split.timeout_seconds <= _LONGEST_TIMEOUT:
        yield f"timeoutSeconds: {split.timeout_seconds} is not above 0 and at most {_LONGEST_TIMEOUT:.0f}"
    if split.rescue is not None:
        yield from _unknown("rescue", split.rescue, split)
    yield from _problems_of_mirror(split)
    yield from _problems_of_match(split)
    if split.stickiness is not None:
        yield from _problems_of_header("stickiness.header", split.stickiness.header)


def _problems_of_backends(split: TrafficSplit) -> Iterator[str]:
    revisions = [backend.revision for backend in split.backends]
    total = sum(backend.weight for backend in split.backends)
    for revision in revisions:
        if not is_name(revision):
            yield f"backends: revision {revision[:80]!r} is not a DNS label"
    if len(set(revisions)) != len(revisions):
        yield "backends: a revision is named twice"
    if split.backends and total != _FULL:
        yield f"backends: the weights add up to {total}, not {_FULL}"


def _problems_of_mirror(split: TrafficSplit) -> Iterator[str]:
    if split.mirror is None:
        return
    revision = split.mirror.revision
    yield from _unknown("mirror.revision", revision, split)
    source = split.mirror.source
    if source is not None:
        yield from _unknown("mirror.source", source, split)
        if source == revision:
            yield f"mirror.source: {source!r} would answer copies of its own requests"
    elif any(backend.weight for backend in split.backends if backend.revision == revision):
        yield f"mirror.revision: {revision!r} answers users too; copies go to a revision of weight 0 only"


def _problems_of_match(split: TrafficSplit) -> Iterator[str]:
    for place, match in enumerate(split.match):
        yield from _unknown(f"match[{place}].revision", match.revision, split)
        for header, value in match.headers.items():
            yield from _problems_of_header(f"match[{place}].headers", header)
            if not _HEADER_VALUE.fullmatch(value):
                yield f"match[{place}].headers: no request can have the value {value[:80]!r} of {header}"


def _problems_of_header(field: str, header: str) -> Iterator[str]:
    if not _HEADER.fullmatch(header):
        yield f"{field}: {header[:80]!r} is not a header's name"
    if header.lower().startswith(_NOT_FROM_USERS) or header.lower() in _REPLACED:
        yield f"{field}: the gateway removes or replaces {header} of users; choose another header"


def _unknown(field: str, revision: str, split: TrafficSplit) -> Iterator[str]:
    if revision not in {backend.revision for backend in split.backends}:
        yield f"{field}: {revision[:80]!r} is not among the backends"
