"""What can go wrong outside the controller.

PenstockError
├── Away            it did not answer, or answered that it cannot now: try again
│   ├── RegistryAway
│   ├── StoreAway
│   ├── MonitorAway
│   ├── WebhookAway
│   └── ClusterAway
├── WebhookRefused  the webhook answered that it will not: a person must act
├── RegistryRefused the registry does not let us write: a person must act
├── VersionMissing  the registry answered: there is no such model, alias or version
├── WriteConflict   somebody else wrote first: look again
├── Invalid         the resource cannot be parsed: a person must act
└── Rejected        the API server refused an object: a person must act
"""

from penstock_contracts.api.reasons import Reason


class PenstockError(Exception):
    """Base of everything that the controller expects to go wrong."""


class Away(PenstockError):
    """Something did not answer in time, or said that it cannot now."""


class RegistryAway(Away):
    """The model registry: it does not answer, or what it answers cannot be used. The message has none of its words."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds that it asked to be left alone, bounded."""


class StoreAway(Away):
    """The model store."""


class MonitorAway(Away):
    """The drift monitor. The message has none of its words."""


class WebhookAway(Away):
    """A webhook does not answer, or says that it cannot now. The message has none of its words."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds that it asked to be left alone, bounded."""


class ClusterAway(Away):
    """The Kubernetes API."""


class RegistryRefused(PenstockError):
    """The registry does not let us write. The message names what must be allowed."""


class WebhookRefused(PenstockError):
    """A webhook answered that it takes nothing. The message has none of its words."""


class VersionMissing(PenstockError):
    """The registry has no such model, alias or version. The message names the field of the resource."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        """One word for the condition: ModelNotFound, AliasNotFound, VersionNotFound, UnknownConnection."""


class WriteConflict(PenstockError):
    """The object was changed since it was read."""


class Invalid(PenstockError):
    """A resource does not have the form that this controller knows: written under another CRD."""


class Rejected(PenstockError):
    """The API server refused an object (quota, policy, invalid value), or it is somebody else's."""

    def __init__(self, message: str, reason: str = Reason.REFUSED) -> None:
        super().__init__(message)
        self.reason = reason
        """One word for the condition: Refused, ForeignObject, BeingDeleted."""
