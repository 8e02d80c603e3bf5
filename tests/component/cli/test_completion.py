"""Completion in a real bash, and what kubectl's own completion asks; each shell has a script."""

import subprocess
from pathlib import Path

import pytest

from penstock_testing.plugin import FOLDER, Plugin
from penstock_testing.plugin_rig import PluginRig

IN_BASH = """
source <(kubectl-penstock completion bash)
COMP_WORDS=({words}); COMP_CWORD=$(({count} - 1))
_kubectl_penstock_completion kubectl-penstock
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def in_bash(*words: str) -> list[str]:
    quoted = " ".join(f"'{word}'" for word in words)
    script = IN_BASH.format(words=quoted, count=len(words))
    environment = Plugin.environment(80)
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True, env=environment
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_and_options() -> None:
    assert in_bash("kubectl-penstock", "pro") == ["promote"]
    assert in_bash("kubectl-penstock", "promote", "--fu") == ["--full"]


def test_bash_completes_names_from_the_cluster(api_server: str, rig: PluginRig) -> None:
    found = in_bash("kubectl-penstock", "status", "--kubeconfig", api_server, "-n", rig.namespace, "fr")
    assert found == ["fraud-detector"]


def test_kubectl_gets_names_and_its_directive(api_server: str, rig: PluginRig) -> None:
    words = ["diff", "--kubeconfig", api_server, "-n", rig.namespace, rig.name, ""]
    done = subprocess.run(
        [FOLDER / "kubectl_complete-penstock", *words], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["stable", "candidate", "11", "10", ":4"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_asks_the_command(shell: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [FOLDER / "kubectl-penstock", "completion", shell], capture_output=True, text=True, timeout=60, check=True
    )
    assert f"_KUBECTL_PENSTOCK_COMPLETE={shell}_complete" in done.stdout
