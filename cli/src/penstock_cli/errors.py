"""What ends a command of the plugin, with a sentence for the person who called it.

CliError                    it cannot be done
├── ResultUnknown           a command was sent, and what became of it is not known
├── ObjectNotFound          the object does not exist
├── AnnotationConflict      the object was changed after it was read
├── WatchTooOld            a watch began at a version that the API server has forgotten
└── UnreadableObject        the object is not what this plugin can read
"""


class CliError(Exception):
    """It cannot be done; the message says what, on which object, and what to do."""

    exit_code = 1


class ResultUnknown(CliError):
    """A command was sent, and what became of it is not known: no result in time, or one that is not understood."""

    exit_code = 2


class ObjectNotFound(CliError):
    """The object does not exist."""


class AnnotationConflict(CliError):
    """The object was changed after it was read."""


class WatchTooOld(CliError):
    """A watch began at a version that the API server has forgotten: list again."""


class UnreadableObject(CliError):
    """The object is not what this plugin can read: the message names the field."""
