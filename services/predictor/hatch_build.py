"""Builds a wheel with compiled modules where PENSTOCK_COMPILE is 1: for one Python on one platform.

Otherwise nothing is compiled, and the wheel is for every Python: its modules do the same, more slowly.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PACKAGE = "penstock_predictor"
_SECONDS = 1200


class CompiledModules(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's own configuration, of no interest here
    """Compiles by `compile.py`, as the image's build does, and adds what comes out."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile a copy of the sources; an editable install takes them as they are."""
        if version == "editable" or os.environ.get("PENSTOCK_COMPILE") != "1":
            return
        root = Path(self.root)
        self._folder = TemporaryDirectory()
        library = Path(self._folder.name)
        shutil.copytree(root / "src" / _PACKAGE, library / _PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run([sys.executable, str(root / "compile.py"), str(library)], check=True, timeout=_SECONDS)
        compiled = [file for pattern in ("*.so", "*.pyd") for file in library.rglob(pattern)]
        build_data["force_include"] |= {str(file): str(file.relative_to(library)) for file in compiled}
        build_data |= {"pure_python": False, "infer_tag": True}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the copy."""
        del version, build_data, artifact_path
        if hasattr(self, "_folder"):
            self._folder.cleanup()
