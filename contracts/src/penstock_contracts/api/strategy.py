"""How a new version takes over: `spec.strategy`."""

from typing import Annotated

from pydantic import ConfigDict, Field

from penstock_contracts.api.schema import ApiModel, cel, duration_field

_PER_CONNECTION = "connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|http2-settings"
_UNSEEN = f"^({_PER_CONNECTION}|content-length|x-request-id)$"
"""The gateway takes these from a request, or writes them itself: no caller's value is ever seen."""
_HEADER_NAMES = cel(
    (
        (
            "self.all(name, name.matches('^[a-z0-9][a-z0-9-]{0,62}$') && "
            "!name.startsWith('x-penstock-') && !name.startsWith('x-envoy-'))"
        ),
        "header names are lower-case, and x-penstock- and x-envoy- are not for users",
    ),
    (
        f"self.all(name, !name.matches('{_UNSEEN}'))",
        "headers of the connection, content-length and x-request-id are the gateway's own: name another header",
    ),
    (
        "self.all(name, !self[name].matches('^[ \\t]|[ \\t]$|[\\x00-\\x08\\x0a-\\x1f\\x7f]'))",
        "no request has a header whose value begins or ends with a space or has control characters",
    ),
)
_HEADER_NAME = cel(
    (
        "!self.startsWith('x-penstock-') && !self.startsWith('x-envoy-')",
        "x-penstock- and x-envoy- are not for users",
    ),
    (
        f"!self.matches('{_UNSEEN}')",
        "headers of the connection, content-length and x-request-id are the gateway's own: name another header",
    ),
)
_ONE_KEY = cel(
    (
        (
            "[has(self.setWeight), has(self.pause), has(self.setMirror), has(self.setReplay), has(self.setCanaryScale)]"
            ".filter(x, x).size() == 1"
        ),
        "a step has exactly one of setWeight, pause, setMirror, setReplay and setCanaryScale",
    )
)
_ONE_SCALE = cel(
    (
        "[has(self.replicas), has(self.weight), has(self.matchTrafficWeight)].filter(x, x).size() == 1",
        "name exactly one of replicas, weight and matchTrafficWeight",
    )
)


class Pause(ApiModel):
    """A time to look."""

    duration: Annotated[str, duration_field("1s", "168h")] | None = None
    """How long. None: until somebody says `penstock.dev/promote: <attempt>/<step>`."""


class SetMirror(ApiModel):
    """Copies of users' requests."""

    percentage: Annotated[int, Field(ge=0, le=100)]
    """Per cent of stable's requests that the candidate answers too, unseen. Ends where the weight rises above 0."""


class SetReplay(ApiModel):
    """Recorded requests of users, which stable has answered.

    It needs spec.predictor.logger, the drift monitor and the gate prediction-divergence.
    """

    max_requests: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """How many the candidate answers, unseen, while its weight is 0: the newest ones, each with another input."""
    rate: Annotated[int, Field(ge=1, le=100)] = 20
    """Requests a second that it is asked, at most."""


class SetCanaryScale(ApiModel):
    """Size of the candidate, where it is to be larger than its share of the requests needs."""

    model_config = ConfigDict(json_schema_extra=_ONE_SCALE)

    replicas: Annotated[int, Field(ge=1, le=100)] | None = None
    """Pods."""
    weight: Annotated[int, Field(ge=1, le=100)] | None = None
    """Per cent of stable's pods, rounded up."""
    match_traffic_weight: bool | None = None
    """True: what its share of the requests needs, as before the first setCanaryScale."""


class CanaryStep(ApiModel):
    """One step: exactly one of its fields."""

    model_config = ConfigDict(json_schema_extra=_ONE_KEY)

    set_weight: Annotated[int, Field(ge=0, le=100)] | None = None
    """Per cent of users' requests that the candidate gets."""
    pause: Pause | None = None
    """Wait, and let the gates gather evidence."""
    set_mirror: SetMirror | None = None
    """Shadow: the candidate answers copies, users see stable only."""
    set_replay: SetReplay | None = None
    """The candidate answers recorded requests, users see stable only: for a service with few requests."""
    set_canary_scale: SetCanaryScale | None = None
    """Size of the candidate."""


class Match(ApiModel):
    """Requests that reach the candidate whatever its weight."""

    headers: Annotated[
        dict[str, Annotated[str, Field(min_length=1, max_length=256)]],
        Field(min_length=1, max_length=8, json_schema_extra=_HEADER_NAMES),
    ]
    """Header to its exact value; all of them must be there."""


class StickinessSpec(ApiModel):
    """The same user keeps the same version."""

    header: Annotated[
        str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9][a-z0-9-]*$", json_schema_extra=_HEADER_NAME)
    ]
    """The request header that names the user, in lower case."""


Matches = Annotated[tuple[Match, ...], Field(max_length=8)]


class Canary(ApiModel):
    """The candidate gets a growing share of the requests."""

    steps: Annotated[tuple[CanaryStep, ...], Field(max_length=40)] | None = None
    """In order. None: 5, 25 and 50 per cent with pauses of a minute. Empty: everything at once, with `gates: []`."""
    match: Matches = ()
    """Testers' requests that reach the candidate from the start."""
    stickiness: StickinessSpec | None = None
    """None: each request is routed by weight alone."""


class BlueGreen(ApiModel):
    """The candidate is there in full, for a preview; then it gets everything at once."""

    match: Matches = (Match(headers={"x-preview": "always"}),)
    """Requests that see the candidate before all others."""
    pause: Pause = Pause()
    """The time for the preview."""


class Strategy(ApiModel):
    """Canary, or blue/green."""

    model_config = ConfigDict(
        json_schema_extra=cel(("!(has(self.canary) && has(self.blueGreen))", "name one of canary and blueGreen"))
    )

    canary: Canary | None = None
    """A growing share of the requests. This is the default."""
    blue_green: BlueGreen | None = None
    """A preview, then everything at once."""
