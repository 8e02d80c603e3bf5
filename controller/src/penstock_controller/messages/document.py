"""The JSON document of a generic webhook: all that is known, each in a field of its own."""

from penstock_contracts.api.notify import PendingNotification
from penstock_controller.messages.subject import NotificationSubject


def document(subject: NotificationSubject, item: PendingNotification) -> dict[str, object]:
    """The document. Its fields are always there; what is not known is an empty string."""
    return {
        "id": f"{subject.uid}/{item.id}",
        "event": item.event,
        "severity": item.severity,
        "cluster": subject.cluster,
        "resource": {"namespace": subject.namespace, "name": subject.name},
        "model": subject.model,
        "version": item.version,
        "attempt": item.attempt,
        "completion": item.completion,
        "reason": item.reason,
        "message": item.message,
        "time": item.at,
        "page": subject.page,
    }
