"""A tag of a counter of tries that is filled only where the split asks for it: each value makes a counter more."""

from penstock_gateway.envoy.resource_file import METADATA

TIMED, BY_POD = "timed", "by_pod"
"""Metadata of a route, and of a server that answers copies, whose tries are to be counted by how long they took, and by
the pod that they went to."""
_YES = "yes"


def asking(**wanted: bool) -> dict[str, str]:
    """The metadata that asks for what is wanted of these."""
    return {name: _YES for name, wish in wanted.items() if wish}


def asked_tag(name: str, value: str) -> str:
    """Envoy's format of a tag: an expression in CEL where this metadata asks for it, empty elsewhere."""
    # A copy has no route: what is wanted of it stands on the server.
    return f"%CEL({_is_asked('route', name)}||{_is_asked('upstream_host', name)}?{value}:'')%"


def _is_asked(whose: str, name: str) -> str:
    """An error where there is no such metadata, which `||` takes for false if the other side is true."""
    return f"xds.{whose}_metadata.filter_metadata['{METADATA}'].{name}=='{_YES}'"
