"""What kstatus makes of objects, by its reference library: the program in tests/kstatus, run for real."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from penstock_testing.cluster import Object
from penstock_testing.go_programs import compiled

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
    return Kstatus(compiled("kstatus", ".", go))
