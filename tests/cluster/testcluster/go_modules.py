"""Writes go.mod and go.sum from versions.toml."""

import json
import os
import re
import subprocess
from pathlib import Path

from testcluster import go_toolchain, paths, progress, versions
from testcluster.errors import ClusterError

_STAGED = re.compile(r"^\s*(k8s\.io/[a-z0-9-]+) => \./staging/", re.MULTILINE)


def render(pinned: versions.Versions, kubernetes_go_mod: str) -> str:
    """The requirements. k8s.io/kubernetes replaces its staging modules by its own folders; a build outside of it has to
    replace them by their published versions.
    """
    staged = sorted(set(_STAGED.findall(kubernetes_go_mod)))
    lines = ["module penstock.dev/testcluster", "", f"go {'.'.join(map(str, pinned.go_minimum))}", ""]
    lines += ["tool helm.sh/helm/v4/cmd/helm", "", "require ("]
    lines += [f"\t{module} {version}" for module, version in pinned.modules.items()]
    lines += [")", "", "replace (", *(f"\t{module} => {module} {pinned.staging}" for module in staged), ")", ""]
    return "\n".join(lines)


def pin(pinned: versions.Versions) -> None:
    go = go_toolchain.find(pinned)
    source = f"k8s.io/kubernetes@{pinned.kubernetes}"
    downloaded = subprocess.run(
        [str(go), "mod", "download", "-json", source], capture_output=True, text=True, timeout=600, check=False
    )
    if downloaded.returncode != 0:
        raise ClusterError(f"go could not download {source}: {downloaded.stderr.strip() or downloaded.stdout.strip()}")
    go_mod = Path(json.loads(downloaded.stdout)["GoMod"]).read_text()
    (paths.GO_SOURCES / "go.mod").write_text(render(pinned, go_mod))
    environment = os.environ | {"GOFLAGS": "-mod=mod", "GOWORK": "off"}
    log = paths.cache() / "logs" / "go-mod-tidy.log"
    command = [str(go), "mod", "tidy"]
    progress.run_logged(
        command, log, "resolving modules", timeout=900, environment=environment, folder=paths.GO_SOURCES
    )
