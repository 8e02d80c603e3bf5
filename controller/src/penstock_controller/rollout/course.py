"""What users are told of an attempt between its beginning and its end: each step, pause, and turn of its way."""

from collections.abc import Iterator

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Candidate, Completion, ModelDeploymentStatus, Phase
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_controller.rollout.decision import Announcement
from penstock_controller.rollout.routing import applied_weight
from penstock_controller.rollout.steps import steps_of


def announcements(
    spec: ModelDeploymentSpec, before: ModelDeploymentStatus, after: ModelDeploymentStatus
) -> Iterator[Announcement]:
    """The turns that this pass took. The beginning and the end of an attempt are told where they are decided."""
    candidate = after.candidate
    if candidate is None:
        return
    known = before.candidate if before.candidate and before.candidate.attempt == candidate.attempt else None
    if candidate.ending:
        if known is None or known.ending is None:
            failed = candidate.ending.completion is Completion.ROLLED_BACK
            why = f"requests leave it: {candidate.ending.message}"
            yield _announcement(candidate, Reason.ROLLING_BACK, why, failed=failed)
        return
    if candidate.forecast and not (known and known.forecast):
        yield _announcement(candidate, Reason.FORECAST, candidate.forecast.message)
    if known and candidate.step > known.step:
        share = applied_weight(after.traffic, candidate.revision)
        steps = len(steps_of(spec.strategy))
        yield _announcement(
            candidate, Reason.STEP_DONE, f"step {candidate.step} of {steps} is done, {share} % of the requests"
        )
    if candidate.promoting and not (known and known.promoting):
        yield _announcement(candidate, Reason.PROMOTING, "the gateway moves all requests to it")
    if after.phase is Phase.PAUSED and before.phase is not Phase.PAUSED:
        yield Announcement(type="Normal", reason=Reason.PAUSED, message=after.message, attempt=candidate.attempt)
    if known and before.phase is Phase.PAUSED and after.phase is Phase.PROGRESSING:
        yield _announcement(candidate, Reason.RESUMED, "it goes on")


def _announcement(candidate: Candidate, reason: Reason, message: str, *, failed: bool = False) -> Announcement:
    return Announcement(
        type="Warning" if failed else "Normal",
        reason=reason,
        message=f"attempt {candidate.attempt}, version {candidate.version}: {message}",
        attempt=candidate.attempt,
    )
