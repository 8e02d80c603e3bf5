"""Writes the manifest by which krew, kubectl's plugin manager, installs the plugin.

    python -m release.krew_manifest build/plugin build/plugin/penstock.yaml

It names each archive of the first folder by its address in the release and its SHA-256. `kubectl krew install
--manifest-url` takes it from the release; krew's own index takes it as a pull request.
"""

import hashlib
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from release import version
from release.members import all_members
from release.plugin_archive import PROGRAM

_NAME = "penstock"
_ARCHIVE = re.compile(rf"{PROGRAM}-.+-(linux|darwin)-(amd64|arm64)\.tar\.gz")
_CAVEATS = f"""\
Completion in the shell needs Python: pip install penstock-cli.
What a command may do is what you may do: `patch` on modeldeployments steers, `get` and `list` show.
The plugin needs Penstock on the cluster: https://github.com/penstock-dev/{_NAME}
"""


def manifest(archives: list[Path], number: str, source: str) -> dict[str, Any]:
    """The manifest of a version. Raises ValueError where there is no archive."""
    platforms = [_platform(archive, f"{source}/releases/download/v{number}") for archive in sorted(archives)]
    if not platforms:
        raise ValueError("no archive of the plugin: run `make plugin` first")
    return {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": _NAME},
        "spec": {
            "version": f"v{version.of_chart(number)}",
            "homepage": source,
            "shortDescription": "Watch and steer rollouts of ONNX models",
            "description": (
                "Shows how a new version of a model takes over from the old one on Penstock: steps, gates with their\n"
                "figures, pods and Events; and promotes, pauses, aborts or undoes a rollout.\n"
            ),
            "caveats": _CAVEATS,
            "platforms": platforms,
        },
    }


def _platform(archive: Path, address: str) -> dict[str, Any]:
    match = _ARCHIVE.fullmatch(archive.name)
    if match is None:
        raise ValueError(f"{archive}: not named as an archive of the plugin for a platform that krew knows")
    system, architecture = match.groups()
    return {
        "selector": {"matchLabels": {"os": system, "arch": architecture}},
        "uri": f"{address}/{archive.name}",
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "bin": PROGRAM,
        "files": [{"from": f"{PROGRAM}/*", "to": "."}, {"from": "LICENSE", "to": "."}],
    }


def _source() -> str:
    (plugin,) = (member for member in all_members() if member.name == "penstock-cli")
    return plugin.source


if __name__ == "__main__":
    found = list(Path(sys.argv[1]).glob("*.tar.gz"))
    text = yaml.safe_dump(manifest(found, version.read(), _source()), sort_keys=False, width=120)
    Path(sys.argv[2]).write_text(text)
