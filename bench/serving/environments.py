"""A virtual environment for each server, from its lock with hashes; and the contents of the predictor's image."""

import compileall
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.serving.places import HERE, ROOT, kept
from penstock_testing.compiled_predictor import compile_in

INSTALL_SECONDS = 900
DOCKERFILE = ROOT / "services" / "predictor" / "Dockerfile"
PEERS = HERE / "peers"


def environment(name: str, lock: Path) -> Path:
    """Return the folder of an environment that has exactly what the lock names; installed where it is not there yet."""

    def make(there: Path) -> None:
        print(f"installing {name} from {lock.relative_to(ROOT)}", flush=True)
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(there))
        # Copied, not linked from uv's cache: a file that two servers share would count half for each in their PSS.
        options = ["--quiet", "--require-hashes", "--compile-bytecode", "--link-mode", "copy"]
        _uv("pip", "sync", *options, "--python", str(there / "bin" / "python"), str(lock))

    return kept(name, sys.version.encode() + lock.read_bytes(), make)


def peer_environment(peer: str) -> Path:
    """Return it for one folder of `peers/`."""
    return environment(peer, PEERS / peer / "requirements.txt")


def _uv(*arguments: str) -> None:
    program = os.environ.get("UV") or shutil.which("uv")
    if program is None:
        raise RuntimeError("uv is not there: start this bench by `make bench-serving`, which installs it")
    subprocess.run([program, *arguments], check=True, timeout=INSTALL_SECONDS)  # noqa: S603


@dataclass(frozen=True, kw_only=True)
class ImageContents:
    """What the predictor's image has, read from its Dockerfile so that nothing is true only here."""

    python: Path
    variables: Mapping[str, str]
    """Its ENV, without the places that are elsewhere here."""
    library: Path
    """In the image: /app/lib, on Python's path."""

    @classmethod
    def laid_out(cls, folder: Path) -> "ImageContents":
        """Make it in a new or an old folder: third-party packages from the lock, our sources copied as COPY does."""
        text = DOCKERFILE.read_text().replace("\\\n", " ")
        library = folder / "lib"
        shutil.rmtree(library, ignore_errors=True)
        for source, to in re.findall(r"^COPY (\S+/src/\S+) (lib/\S+)$", text, re.MULTILINE):
            shutil.copytree(ROOT / source, folder / to, ignore=shutil.ignore_patterns("__pycache__"))
        compile_in(library)
        compileall.compile_dir(library, quiet=1)
        words = [word for line in re.findall(r"^ENV (.*)$", text, re.MULTILINE) for word in shlex.split(line)]
        variables = dict(word.split("=", 1) for word in words)
        for elsewhere in ("PATH", "HOME"):
            variables.pop(elsewhere, None)
        python = environment("ours", ROOT / "locks" / "predictor.txt") / "bin" / "python"
        return cls(python=python, variables=variables, library=library)
