"""What a traffic provider can do of all that a spec may ask of it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrafficCapabilities:
    """What a provider declares, once and for all resources.

    Weights, and an acknowledgement of each split, are not among them: every provider has both, since no weight rises
    before the one below it is acknowledged.
    """

    mirror: bool
    """It copies an exact share of the requests to a version whose answers nobody sees."""
    stickiness: bool
    """It keeps the same value of a header at the same version."""
    header_match: bool
    """It sends requests with certain headers to a version, whatever the weights."""
    rescue: bool
    """It repeats a version's failed, hung or refused try on another version."""
    evidence: bool
    """It counts each try at a server, and not only the answers that users get."""
