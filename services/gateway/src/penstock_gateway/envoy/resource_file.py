"""A discovery response as Envoy reads it from disk: a version, and resources."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

METADATA = "penstock.dev"
"""Under this name Envoy's own files carry what they were made from, and what its log of tries is tagged with."""


@dataclass(frozen=True, kw_only=True)
class ResourceFile:
    """The whole file."""

    version: str
    text: str


def resource_file(resources: Sequence[Mapping[str, Any]], version: str = "") -> ResourceFile:
    """Return a discovery response; its version is the hash of what is in it, unless given."""
    body = json.dumps(resources)
    version = version or hashlib.sha256(body.encode()).hexdigest()[:16]
    return ResourceFile(version=version, text=f'{{"version_info": "{version}", "resources": {body}}}')


def metadata(**fields: Any) -> dict[str, Any]:
    """Return our part of a resource's metadata."""
    return {"filter_metadata": {METADATA: fields}}
