"""Whether a version that was refused stays refused."""

from penstock_contracts.api.status import Refusal
from penstock_controller.rollout.observation import Wanted


def is_refused(refused: Refusal, wanted: Wanted, generation: int) -> bool:
    """Invariant 5: a failed revision is not tried again until the alias's target or the spec's generation changes.

    A refused artifact (no revision) is judged by the model store alone: when it takes the version now, so do we. Other
    pods, by another predictor image, are another try.
    """
    if refused.revision is None:
        return False
    failed = (refused.version, refused.created_at_ms, refused.revision)
    return failed == (wanted.version, wanted.created_at_ms, wanted.revision) and refused.generation == generation
