"""The example as a repository of its own, as whoever copies it has it."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fraud_detection.data import labelled
from penstock_testing.platform import ROOT

EXAMPLE = ROOT / "examples" / "fraud-detection"
DATA = "data/transactions.csv"
ROWS = 6000
_SOMEBODY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in {"NAME": "somebody", "EMAIL": "somebody@example.com", "DATE": "2026-01-01T00:00:00Z"}.items()
}
"""Equal content, equal commits: a second run builds no other image."""


@dataclass(frozen=True)
class TemplateRepository:
    """A git repository; what is changed in it is committed before it is pushed."""

    folder: Path

    @classmethod
    def copied(cls, folder: Path) -> "TemplateRepository":
        """Copy the files that git would take of the example."""
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "."]
        listed = subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, check=True, timeout=60)
        for name in listed.stdout.split():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(EXAMPLE / name, folder / name)
        return cls(folder)

    def write_data(
        self, change: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame, *, seed: int = 1
    ) -> None:
        """Keep few transactions in the repository: the training takes seconds."""
        file = self.folder / DATA
        file.parent.mkdir(exist_ok=True)
        change(labelled(ROWS, seed=seed)).to_csv(file, index=False)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace what stands once in a file. Raises ValueError where it does not."""
        file = self.folder / name
        if file.read_text().count(old) != 1:
            raise ValueError(f"{name} has {old!r} not once")
        file.write_text(file.read_text().replace(old, new))

    def commit(self) -> str:
        """Commit everything on main; answers the commit."""
        if not (self.folder / ".git").exists():
            self._git("init", "--quiet", "--initial-branch=main")
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message=a change")
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=os.environ | _SOMEBODY,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
