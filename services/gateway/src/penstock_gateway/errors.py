"""Every error of the gateway.

GatewayError
|-- EnvoyAway        Envoy's admin interface does not answer: nothing can be confirmed now, try again
|-- Unconfirmed      Envoy answers, but has not taken what is on disk within the time limit: try again
|-- EnvoyRefused     Envoy refused a file; the last good one is back on disk
|-- Unwritable       the disk does not take a file; what was there stays, try again
`-- UnknownCluster   routes name a cluster that nothing defines: a fault of the agent, nothing was written
"""


class GatewayError(Exception):
    """Base of the gateway's errors; the message says what failed, on what, and what happens next."""


class EnvoyAway(GatewayError):
    """Envoy's admin interface did not answer."""


class Unconfirmed(GatewayError):
    """Envoy did not report the version on disk in time."""


class EnvoyRefused(GatewayError):
    """Envoy refused a configuration."""


class Unwritable(GatewayError):
    """A file could not be written."""


class UnknownCluster(GatewayError):
    """A route's cluster is not in the same configuration."""
