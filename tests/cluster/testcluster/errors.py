"""Everything that can go wrong here ends as one of these, and is shown as one line."""


class ClusterError(Exception):
    """Something failed that the message explains, with what to do about it."""


class UnsupportedMachineError(ClusterError):
    """This machine cannot run the cluster; the message names what is missing and the way out."""
