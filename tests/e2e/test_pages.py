"""The commands that README and the users' pages tell a reader to type, typed on a cluster in their order."""

import json
import os
import shutil
import subprocess

import pytest

from penstock_contracts.names import KIND
from penstock_testing.artifacts import named_columns
from penstock_testing.code_blocks import CodeBlock, code_blocks, commands
from penstock_testing.documents import read_all
from penstock_testing.model_deployments import model_deployment
from penstock_testing.scenes import RolloutScene

PAGES = ("README.md", "docs/user/README.md", "docs/user/rollouts.md", "docs/user/steering.md")
TYPED = ("kubectl ", "helm ", "curl ", "URL=")
OWN = "kubectl penstock"
"""The plugin's commands have tests of their own."""
NAME = "fraud-detector"


def scripts() -> list[tuple[CodeBlock, str]]:
    """The commands of each block, one after the other."""
    found: dict[str, tuple[CodeBlock, list[str]]] = {}
    for block, command in commands():
        if block.page in PAGES and command.startswith(TYPED) and not command.startswith(OWN):
            found.setdefault(str(block), (block, []))[1].append(command)
    return [(block, "\n".join(lines)) for block, lines in found.values()]


class Reader:
    """Somebody with the cluster's kubectl and helm, in a folder with the files that the pages speak of."""

    def __init__(self, scene: RolloutScene, version: str) -> None:
        self._scene, self._version, self._folder = scene, version, scene.folder / "reader"
        cluster, programs = scene.platform.cluster, self._folder / "bin"
        programs.mkdir(parents=True)
        for name, path in {"kubectl": cluster.kubectl_path, "helm": cluster.helm_path}.items():
            (programs / name).symlink_to(shutil.which(path) or path)
        # In a cluster the name in status.url is found by DNS; here the gateway is at a port of the node.
        at = scene.platform.gateway()
        curl = f'exec {shutil.which("curl")} --fail --silent --show-error --connect-to ::{at.host}:{at.port} "$@"'
        (programs / "curl").write_text(f"#!/bin/sh\n{curl}\n")
        (programs / "curl").chmod(0o755)
        config = self._folder / "kubeconfig"
        config.write_text(cluster.kubectl("config", "view", "--raw", "--minify", "--flatten"))
        self._environment = os.environ | {"KUBECONFIG": str(config), "PATH": f"{programs}:{os.environ['PATH']}"}
        self.types(f"kubectl config set-context --current --namespace={scene.namespace}")
        self._write_chart()

    def _write_chart(self) -> None:
        templates = self._folder / "models" / "templates"
        templates.mkdir(parents=True)
        (templates.parent / "Chart.yaml").write_text("{apiVersion: v2, name: models, version: 1.0.0}")
        other = model_deployment("another", self._scene.namespace, self._scene.model)
        (templates / "model.yaml").write_text(json.dumps(other))

    def follows(self, page: str) -> None:
        """Save the page's ModelDeployment, as the page says."""
        blocks = [block for block in code_blocks("yaml") if block.page == page]
        texts = [block.text for block in blocks if any(each.get("kind") == KIND for each in read_all(block.text))]
        if texts:
            text = texts[0].replace("payments", self._scene.namespace)
            text = text.replace(f"model: {NAME}", f"model: {self._scene.model}")
            (self._folder / f"{NAME}.yaml").write_text(text)

    def types(self, script: str) -> str:
        """With names and numbers of their own in place of the pages'; answers what it printed."""
        for theirs, ours in {
            "payments": self._scene.namespace,
            "NAME": NAME,
            "<verb>=<attempt>/<step>": "pause=1/0",
            "}'=7": f"}}'={self._version}",
        }.items():
            script = script.replace(theirs, ours)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def version(scene: RolloutScene) -> str:
    found = scene.register(named_columns(1.0))
    scene.move(found)
    return found


def test_each_command_of_the_pages_does_what_they_say(scene: RolloutScene, version: str) -> None:
    reader = Reader(scene, version)
    printed = {}
    for block, script in scripts():
        reader.follows(block.page)
        printed[str(block)] = reader.types(script)
        assert printed[str(block)].strip(), f"{block} prints nothing"
        if "annotate" in script:
            scene.deployed(NAME).wait_until(
                "an answer", lambda status: (status.get("commandResults") or {}).get("pause")
            )
    (answer,) = (text for text in printed.values() if text.startswith('{"prediction"'))
    assert json.loads(answer)["model_version"] == version
    assert set(PAGES) == {where.partition(":")[0] for where in printed}
