"""What the administrator decides about every predictor pod."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Settings that end in each pod template: a change makes new revisions, rolled out like any other."""

    image: str
    store_url: str
    drain_seconds: int = 5
    """After SIGTERM a pod answers for this long, until every gateway pod has stopped sending to it."""
