"""The installed kubectl plugin."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from penstock_testing.cluster import KubernetesCluster

FOLDER = Path(sys.executable).parent
"""Where the plugin's commands are installed."""
SECONDS = 60.0


@dataclass(frozen=True)
class Plugin:
    """The command as a person with that kubeconfig runs it."""

    kubeconfig: str

    def run(self, *arguments: str, columns: int = 80) -> "subprocess.CompletedProcess[str]":
        """Run it to its end, on a screen of that many columns."""
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env=self.environment(columns),
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start it and leave it to the caller to read what it prints, and to end it."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self.command(*arguments), stdout=pipe, stderr=pipe, text=True, bufsize=1, env=self.environment(80)
        )

    def command(self, *arguments: str) -> list[str]:
        """The command line."""
        return [str(FOLDER / "kubectl-penstock"), *arguments, "--kubeconfig", self.kubeconfig]

    @staticmethod
    def environment(columns: int) -> dict[str, str]:
        """Nothing of the caller's reaches it."""
        found = {"PATH": f"{FOLDER}:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"}
        return found | {"COLUMNS": str(columns), "TMPDIR": tempfile.gettempdir()}


def through_kubectl(cluster: KubernetesCluster, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`kubectl penstock ...`: the cluster's kubectl finds the plugin in PATH. It takes no option before a plugin."""
    environment = {**os.environ, "PATH": f"{FOLDER}:{os.environ['PATH']}", "COLUMNS": "160"}
    environment |= {"KUBECONFIG": cluster.kubeconfig} if cluster.kubeconfig else {}
    return subprocess.run(
        [cluster.kubectl_path, "penstock", *arguments, "--context", cluster.context],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env=environment,
    )
