"""Signs what was pushed to a registry, by cosign.

    python -m release.signatures build/release/images.json build/release/chart.json

Each file maps names to references by digest. In a workflow with the right to an identity token cosign needs no key: the
signature names the workflow, and is entered into the public log. COSIGN_ARGUMENTS adds to the command, such as
`--key cosign.key`.
"""

import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from release.programs import run


def references(files: Sequence[Path]) -> list[str]:
    """All that the files name. Raises ValueError for one that names no digest: a tag may move until it is signed."""
    found = [reference for file in files for reference in json.loads(file.read_text()).values()]
    moving = [reference for reference in found if "@sha256:" not in reference]
    if moving or not found:
        raise ValueError(f"nothing to sign, or not by digest: {', '.join(moving) or 'no references'}")
    return found


def sign(reference: str, cosign: str | Path, arguments: Sequence[str] = ()) -> None:
    """Sign one, and what a list of images lists. Raises ProgramError."""
    run(cosign, "sign", "--yes", "--recursive", *arguments, reference)


if __name__ == "__main__":
    for each in references([Path(name) for name in sys.argv[1:]]):
        sign(each, "cosign", shlex.split(os.environ.get("COSIGN_ARGUMENTS", "")))
        print(f"signed {each}")
