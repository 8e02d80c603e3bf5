"""What ends a command with a sentence for the person who called it."""


class Trouble(Exception):
    """It cannot be done; the message says what, on which object, and what to do."""

    code = 1
    """The command's exit code."""


class Unheard(Trouble):
    """It is asked, and what became of it is not known: nobody has answered in time, or not so that it is understood."""

    code = 2


class Gone(Trouble):
    """The object does not exist."""


class Conflict(Trouble):
    """The object was changed after it was read."""


class Expired(Trouble):
    """A watch began at a version that the API server has forgotten: list again."""
