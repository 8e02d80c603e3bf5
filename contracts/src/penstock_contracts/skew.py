"""Whether serving and training see the same features: what a comparison found, and what it means."""

from pydantic import Field

from penstock_contracts.base import Contract

SKEW_PATH = "/v1/skew/{namespace}/{name}"
MOST_FEATURES = 500
MOST_REASONS = 32


class FeatureSkew(Contract):
    """What was found of one feature: served values beside those that training would see of the same rows."""

    compared: int = Field(ge=0)
    """Values."""
    differing: int = Field(ge=0)
    """Of these."""
    reasons: dict[str, int] = Field(default_factory=dict, max_length=MOST_REASONS)
    """Why, to how many values, in one word each: Behind, Shifted, NotOnline, TooOld, Unavailable, OtherDefault,
    NotOffline, Differs."""
    hours: int | None = None
    """Where event times are off by a time zone: by so many hours."""
    behind_seconds: float | None = None
    """Where the online store lags: how old its values were, in the middle."""

    @property
    def share(self) -> float:
        """Of the values that differ."""
        return self.differing / self.compared if self.compared else 0.0


class SkewComparison(Contract):
    """Body of `PUT /v1/skew/{namespace}/{name}`: in place of what was found before."""

    rows: int = Field(ge=1)
    """Served rows that were compared."""
    max_share: float = Field(default=0.01, ge=0, le=1)
    """Of a feature's values that may differ."""
    features: dict[str, FeatureSkew] = Field(max_length=MOST_FEATURES)
    """By the model's column."""

    @property
    def skewed(self) -> tuple[str, ...]:
        """Features of which more than that differ, those first of which most do."""
        over = [name for name, one in self.features.items() if one.share > self.max_share]
        return tuple(sorted(over, key=lambda name: (-self.features[name].share, name)))


class SkewReport(Contract):
    """Answer of `PUT` and `GET /v1/skew/{namespace}/{name}`."""

    comparison: SkewComparison
    compared_at: str
    """When it came (RFC 3339)."""
    skewed: tuple[str, ...]
    message: str
    """For a person: which features, by how much, and why."""
