"""What a pipeline says of its own end, as an annotation on the ModelDeployment. Pure.

`penstock.dev/training-ended: <name of the run> Failed|NothingBetter <why>`. It names the run, so one that stays there
says nothing of the next.
"""

from penstock_contracts.names import GROUP
from penstock_controller.rollout.job_sighting import JobSighting, JobState

ANNOTATION = f"{GROUP}/training-ended"
_LONGEST = 512
"""Characters of why."""
_STATES = {"Failed": JobState.FAILED, "NothingBetter": JobState.NOTHING_BETTER}


def state_of(text: str, run: str) -> JobSighting | None:
    """What was said of a run; None: nothing, or it is about another run, or no such word."""
    name, _, rest = text.strip().partition(" ")
    word, _, why = rest.strip().partition(" ")
    state = _STATES.get(word.rstrip(":"))
    if name != run or state is None:
        return None
    plain = "".join(each if each.isprintable() else " " for each in why).strip()
    return JobSighting(state=state, message=plain[:_LONGEST] or "it does not say why")
