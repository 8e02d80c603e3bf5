"""Whether tries come in the shares that are applied. If not, the fault is ours, and never the version's."""

from collections.abc import Iterator

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_controller.analysis.sample_ratio import SampleRatioTest
from penstock_controller.rollout.condition import ConditionState
from penstock_controller.rollout.decision import Announcement

OBSERVED = "SharesObserved"
"""The condition, there only while they do not."""
_MESSAGE = (
    "the tries of the two versions do not come in the shares that the gateway pods say they apply: requests are routed "
    "wrongly, or tries are not counted; this is a fault of the installation and does not count against the version. "
    "Compare penstock_gateway_requests_total of the revisions, and look at the gateway pods' logs"
)


def judgement(status: ModelDeploymentStatus) -> ConditionState | None:
    """The condition; None: they do, or too few tries were seen to tell."""
    if not _are_wrong(status):
        return None
    return ConditionState(type=OBSERVED, status=False, reason=Reason.SAMPLE_RATIO_MISMATCH, message=_MESSAGE)


def announcements(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> Iterator[Announcement]:
    """An Event when it is found out."""
    if _are_wrong(after) and not _are_wrong(before):
        message = f"attempt {after.attempt}: {_MESSAGE}"
        yield Announcement(type="Warning", reason=Reason.SAMPLE_RATIO_MISMATCH, message=message, attempt=after.attempt)


def _are_wrong(status: ModelDeploymentStatus) -> bool:
    evidence = status.evidence
    if status.candidate is None or evidence is None or evidence.attempt != status.attempt or not evidence.sample_ratio:
        return False
    return SampleRatioTest.restored(evidence.sample_ratio).is_wrong
