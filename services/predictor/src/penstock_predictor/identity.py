"""What a loaded model is called: in every answer, header and metric."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ModelIdentity:
    """Name and version as the registry has them, and the digest of the bytes that were loaded."""

    name: str
    version: str
    digest: str
