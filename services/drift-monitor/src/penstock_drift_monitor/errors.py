"""Why the monitor does not do what it was asked. Each message says what, where and what to do."""

from typing import ClassVar


class MonitorError(Exception):
    """A refusal, with the HTTP status that tells it."""

    status: ClassVar[int] = 500


class Unreadable(MonitorError):
    """The body is not what the route takes: sending it again changes nothing."""

    status = 400


class TooLarge(MonitorError):
    """The body has more bytes, rows or labels than one request may."""

    status = 413


class UnknownResource(MonitorError):
    """Nobody asked for this resource to be watched."""

    status = 404


class NoRoom(MonitorError):
    """The disk, the queue or a bound is full: the sender keeps what it has and tries again."""

    status = 503


class ReplicaAway(MonitorError):
    """Another replica holds the resource, and cannot be asked now: the sender tries again."""

    status = 503


class ReplicasUnsuitable(Exception):
    """Who shares the resources makes no sense. The monitor does not start."""


class VolumeUnsuitable(Exception):
    """The data folder cannot hold records safely. The monitor does not start."""
