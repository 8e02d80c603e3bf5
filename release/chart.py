"""Packages the chart, and pushes it beside the images.

    python -m release.chart build/chart helm
    python -m release.chart build/chart helm registry.example.com/ml

The second line pushes to `registry.example.com/ml/charts`, and writes the chart's reference by digest beside
the folder.
"""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from release import version
from release.programs import run, told

CHART = version.ROOT / "charts" / "penstock"
_DIGEST = re.compile(r"^Digest: (sha256:[0-9a-f]{64})$", re.MULTILINE)


def published_at() -> str:
    """The registry that the chart's defaults name: where images and chart go."""
    values: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    return str(values["global"]["imageRegistry"])


def package(there: Path, helm: str | Path) -> Path:
    """Package the chart into an emptied folder, with the project's licence in it; answers the archive."""
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(CHART, there / "penstock")
    shutil.copy2(version.ROOT / "LICENSE", there / "penstock")
    run(helm, "package", there / "penstock", "--destination", there)
    shutil.rmtree(there / "penstock")
    return there / f"penstock-{version.of_chart(version.read())}.tgz"


def push(archive: Path, helm: str | Path, registry: str, *, plain_http: bool = False) -> str:
    """Push a packaged chart below `registry`; answers its reference by digest."""
    folder = f"{registry}/charts"
    heard = told(helm, "push", archive, f"oci://{folder}", *(["--plain-http"] if plain_http else []))
    found = _DIGEST.search(heard)
    if found is None:
        raise ValueError(f"helm pushed the chart but told no digest:\n{heard}")
    return f"{folder}/penstock@{found[1]}"


if __name__ == "__main__":
    where, program, *to = sys.argv[1:]
    made = package(Path(where), program)
    print(made)
    if to:
        pushed = {"chart": push(made, program, to[0])}
        Path(where).with_suffix(".json").write_text(json.dumps(pushed) + "\n")
        print(pushed["chart"])
