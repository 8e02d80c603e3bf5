"""What a person may say of a rollout: an annotation on the ModelDeployment, which the controller never removes.

`penstock.dev/<verb>: <attempt>/<step>` names the attempt, and the step as `status.candidate.step` has it (0 where no
candidate is on trial). A word that names another place than the one where the resource stands is stale and has no
effect, so that a manifest in Git that still carries it does nothing.
"""

from enum import StrEnum

from penstock_contracts.names import GROUP


class Verb(StrEnum):
    """Each is the end of its annotation's name."""

    PROMOTE = "promote"
    """Go on from the step where it stands: a pause ends, of whatever length."""
    PROMOTE_FULL = "promote-full"
    """Leave out the steps that are left and promote; a gate that fails still takes it back."""
    ABORT = "abort"
    """End the attempt without a promotion; in the bake: go back to the version before."""
    RETRY = "retry"
    """Try the refused version again, and end a hold: it names the attempt that ended last."""
    PAUSE = "pause"
    """Stay at this step."""
    RESUME = "resume"
    """End that pause."""
    UNDO = "undo"
    """Go back to a version that served before, `<attempt>/<step>` or `<attempt>/<step>/<version>`, and stay there."""
    RETRAIN = "retrain"
    """Start the Job that trains a new version, whatever its cool-down, its budget and the last Job's fate."""


def annotation(verb: Verb) -> str:
    """The annotation's name."""
    return f"{GROUP}/{verb.value}"


def word(attempt: int, step: int, version: str = "") -> str:
    """The annotation's value. `version`: for `undo`, the one to go back to; empty: the one that served before."""
    return f"{attempt}/{step}" + (f"/{version}" if version else "")
