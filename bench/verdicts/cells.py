"""The kinds of traffic that the tables are about, each with a name."""

from dataclasses import dataclass
from itertools import product

from bench.verdicts.traces import Scene


@dataclass(frozen=True, kw_only=True)
class VerdictCell:
    """A kind of traffic that a table has a row for."""

    name: str
    scene: Scene


ERRORS = (0.0, 0.001, 0.01, 0.05)
RATES = (1, 5, 50, 200, 1000)
HARMS = (0.01, 0.02, 0.05, 0.2, 1.0)


def _cell(rate: float, errors: float, *, harm: float = 0.0, happens: str = "", told: str = "constant") -> VerdictCell:
    worse = f" +{100 * harm:g}" if harm else ""
    name = f"{told} {100 * errors:g} %{worse} {rate:g}/s"
    return VerdictCell(name=name, scene=Scene(rate=rate, errors=errors, harm=harm, happens=happens))


CONSTANT = tuple(_cell(rate, errors) for rate, errors in product(RATES, ERRORS))
_SHARED = {
    "day wave": "day",
    "10-min wave": "wave",
    "bursts (5x load 10x errors)": "bursts",
    "one outage": "outage",
    "outage within 10 s of a change of weight": "outage-at-change",
    "an outage every 2 min": "outages",
    "errors of each second shared ICC 0.05": "shared:0.05",
    "errors of each second shared ICC 0.2": "shared:0.2",
}
_VERSIONS = ("the candidate", "stable")
_SICK = {"for 5-30 s": "5,30", "until it is replaced": "900,1000"}
"""For how many seconds."""
_OWN = {
    "errors of each second and version ICC 0.01": "own:0.01",
    "errors of each second and version ICC 0.05": "own:0.05",
    **{f"failures {size} at once": f"clusters:{size}" for size in (2, 4, 8, 32)},
    **{
        f"one pod of {pods} of {whose} sick {told}": f"sick-pod:{pods},0.5,{seconds},780,{version}"
        for pods, (version, whose), (told, seconds) in product((2, 3), enumerate(_VERSIONS), _SICK.items())
    },
    **{
        f"sticky: {few} of {users} users cause all errors": f"sticky-few:{users},{few}"
        for users, few in ((1000, 3), (10_000, 1), (10_000, 10))
    },
    **{f"sticky: every of {users} users his own rate": f"sticky-own:{users},0.1" for users in (200, 1000, 10_000)},
}
SAME = (
    *CONSTANT,
    *(_cell(rate, 0.01, happens=kind, told=told) for told, kind in _SHARED.items() for rate in (50, 200, 1000)),
    *(
        _cell(rate, errors, happens=kind, told=told)
        for told, kind in _OWN.items()
        for rate, errors in product((200, 1000), (0.001, 0.01))
    ),
    *(
        _cell(rate, 0.001, happens=f"warm-up:{share},{seconds}", told=f"warm-up {100 * share:g} % for {seconds} s")
        for share, seconds in ((0.05, 20), (0.2, 20), (1, 3))
        for rate in (50, 200, 1000)
    ),
)
"""The same version twice, or one as good: whatever is rolled back is rolled back for nothing."""
WORSE = tuple(_cell(200, errors, harm=harm) for errors, harm in product((0.001, 0.01), HARMS))
LEAKS = tuple(
    _cell(200, 0.001, happens=f"leak:{points}", told=f"leak {points} points in 10 min") for points in (10, 2, 0.5)
)
WORSE_WITH_A_SICK_POD = tuple(
    _cell(
        200,
        0.001,
        harm=harm,
        happens=f"sick-pod:{pods},0.5,900,1000,0,{version}",
        told=f"one pod of {pods} of {whose} sick from the beginning",
    )
    for pods, (version, whose), harm in product((2, 3), enumerate(_VERSIONS), HARMS[1:])
)
"""The sick pod must not hide what its version does, nor make the other one look well."""
EVERY = (*SAME, *WORSE, *LEAKS, *WORSE_WITH_A_SICK_POD)
