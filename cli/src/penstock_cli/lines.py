"""A picture as one line, for pipes and logs."""

from datetime import UTC, datetime

from penstock_cli.picture import GateView, Picture, RevisionView


def line(picture: Picture) -> str:
    """Where it stands; two pictures with the same line show no change worth telling."""
    parts = [
        picture.phase,
        *(_revision(each) for each in picture.revisions),
        *(_gate(each) for each in picture.gates),
        picture.message.replace("\n", " "),
        *picture.problems,
    ]
    return "; ".join(part for part in parts if part)


def stamped(text: str, now: datetime) -> str:
    """With the time in front."""
    return f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {text}"


def _revision(each: RevisionView) -> str:
    share = "" if each.weight is None else f" {each.weight} %"
    copies = f" copies of {each.mirror} %" if each.mirror else ""
    pods = "" if each.ready is None else f" {each.ready}/{each.pods} pods"
    return f"{each.role} {each.version}{share}{copies}{pods}"


def _gate(each: GateView) -> str:
    return f"{each.name} ({each.stage}) {each.verdict}"
