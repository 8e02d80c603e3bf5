"""Which Penstock this is: what every part tells of itself in `penstock_build_info`."""

import os
import sys

VERSION = "0.1.0"
"""As in every pyproject.toml and in the chart: images hold code and no package metadata. `make version` writes it."""
REVISION_VARIABLE = "PENSTOCK_REVISION"
"""Environment variable of an image: the commit that it was made from."""


def build_labels(part: str) -> tuple[str, str, str, str]:
    """Return the values of BUILD_INFO's labels for a part: itself, version, revision and Python's version."""
    python = ".".join(str(number) for number in sys.version_info[:3])
    return part, VERSION, os.environ.get(REVISION_VARIABLE, ""), python
