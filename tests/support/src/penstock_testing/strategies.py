"""Strategies as tests need them: pauses of seconds, and a gate that decides within seconds."""

from penstock_testing.cluster import Object

AT_ONCE: Object = {
    "strategy": {"canary": {"steps": []}},
    "analysis": {"gates": []},
    "bake": {"duration": "0s"},
}
"""A new version takes everything as soon as its pods are ready."""
GATED: Object = {
    "analysis": {"interval": "1s", "gates": [{"name": "error-rate", "margin": {"absolute": "5%"}, "minSamples": 20}]},
    "bake": {"duration": "3s"},
}
"""A version that is as good as stable passes within seconds at 50 requests a second."""


BRIEF: Object = {"timeout": "2s"}
"""Predictor: pods of a version that leaves stay for as long as a request may last, and tests wait for that."""


def weight(per_cent: int) -> Object:
    """Step: the candidate gets this share of users' requests."""
    return {"setWeight": per_cent}


def mirror(per_cent: int) -> Object:
    """Step: the candidate answers copies of this share of stable's requests."""
    return {"setMirror": {"percentage": per_cent}}


def replay(most: int) -> Object:
    """Step: the candidate answers so many recorded requests."""
    return {"setReplay": {"maxRequests": most}}


def pause(seconds: int | None = None) -> Object:
    """Step: wait that long; None: until a person promotes."""
    return {"pause": {} if seconds is None else {"duration": f"{seconds}s"}}


def canary(*steps: Object, **more: object) -> Object:
    """The strategy of these steps; `more`: match, stickiness."""
    return {"strategy": {"canary": {"steps": list(steps), **more}}}


def by_steps(seconds: int | None = None, weights: tuple[int, ...] = (5, 25, 50)) -> Object:
    """Each weight followed by a pause."""
    return canary(*(step for each in weights for step in (weight(each), pause(seconds))))
