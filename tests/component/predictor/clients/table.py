"""docs/reference/clients.md: what clients that are not ours got from a predictor."""

from collections.abc import Iterable, Mapping

from penstock_testing.client_calls import Seen

HEAD = """# Clients

What clients that are not ours, unchanged, get from a predictor. Written by `make clients` from real calls: do not edit.

`equal`: the answer has onnxruntime's names, order, types, shapes and every value, and the request's id. For health and
metadata: what the server is. `refused`: as it must be, with a message that names the tensor and the shape that was
expected, or the model. A number: the client itself has no way to say this, for the reason below the table.
"""
EQUAL, REFUSED = "equal", "refused"


def render(told: Mapping[str, Seen], verdicts: Mapping[tuple[str, str, str], str]) -> str:
    """The page; `told` is what each client's script wrote, verdicts are by client, way and call."""
    return HEAD + "".join(_section(client, seen, verdicts) for client, seen in told.items())


def _section(client: str, seen: Seen, verdicts: Mapping[tuple[str, str, str], str]) -> str:
    ways, calls = _in_order(call["way"] for call in seen["calls"]), _in_order(call["call"] for call in seen["calls"])
    reasons = _in_order(call["unable"] for call in seen["calls"] if "unable" in call)
    unable = {(call["way"], call["call"]): call["unable"] for call in seen["calls"] if "unable" in call}

    def cell(way: str, call: str) -> str:
        reason = unable.get((way, call))
        return verdicts[client, way, call] if reason is None else str(reasons.index(reason) + 1)

    lines = ["", f"## {seen['version']}", "", _row(["call", *ways]), _row(["---"] * (len(ways) + 1))]
    lines += [_row([call, *(cell(way, call) for way in ways)]) for call in calls]
    if reasons:
        lines += ["", *(f"{number}. {reason}" for number, reason in enumerate(reasons, 1))]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _in_order(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
