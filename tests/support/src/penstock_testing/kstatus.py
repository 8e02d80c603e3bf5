"""What kstatus makes of objects, by its reference library: the program in tests/kstatus, run for real."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from penstock_testing.cluster import Object
from penstock_testing.platform import ROOT

SOURCES = ROOT / "tests" / "kstatus"
_BUILD_SECONDS = 600
_SECONDS = 60


@dataclass(frozen=True)
class Kstatus:
    """The compiled program."""

    program: Path

    def of(self, objects: Iterable[Object]) -> list[str]:
        """InProgress, Current, Failed, Terminating, NotFound or Unknown, for each object in its order."""
        lines = "".join(f"{json.dumps(each)}\n" for each in objects)
        done = subprocess.run(
            [str(self.program)], input=lines, capture_output=True, text=True, timeout=_SECONDS, check=True
        )
        return [json.loads(line)["status"] for line in done.stdout.splitlines()]


def built(go: Path) -> Kstatus:
    """Compiled from the modules that go.sum names, where that has not been done."""
    sources = sorted(file for file in SOURCES.iterdir() if file.suffix in {".go", ".mod", ".sum"})
    name = hashlib.sha256(b"\n".join(file.read_bytes() for file in sources)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    program = cache / "penstock" / "kstatus" / name
    if not program.exists():
        _build(go, program)
    return Kstatus(program)


def _build(go: Path, program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    fixed = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
    with tempfile.TemporaryDirectory(dir=program.parent) as draft:
        command = [str(go), "build", "-trimpath", "-buildvcs=false", "-o", f"{draft}/kstatus", "."]
        subprocess.run(command, cwd=SOURCES, env=os.environ | fixed, timeout=_BUILD_SECONDS, check=True)
        shutil.move(f"{draft}/kstatus", program)
