"""The chart, rendered by the real helm. No cluster is asked."""

import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from penstock_testing.cluster import Object
from penstock_testing.documents import read, read_all
from penstock_testing.platform import NAMESPACE, RELEASE, ROOT

CHART = ROOT / "charts" / "penstock"
_WORKLOADS = ("Deployment", "StatefulSet", "Job", "DaemonSet")


class RefusedError(Exception):
    """helm refused to render; the message is what it told the user."""


@dataclass(frozen=True)
class Rendered:
    """What helm would install."""

    text: str

    @cached_property
    def objects(self) -> list[Object]:
        """In helm's order."""
        return read_all(self.text)

    def of(self, *kinds: str) -> list[Object]:
        """The objects of these kinds."""
        return [item for item in self.objects if item["kind"] in kinds]

    def one(self, kind: str, name: str) -> Object:
        """The object of that kind and name. Raises LookupError."""
        for item in self.of(kind):
            if item["metadata"]["name"] == name:
                return item
        raise LookupError(f"the chart renders no {kind} {name}")

    def pods(self) -> dict[str, Object]:
        """Component to its pod template."""
        templates = [item["spec"]["template"] for item in self.of(*_WORKLOADS)]
        return {template["metadata"]["labels"]["app.kubernetes.io/component"]: template for template in templates}

    def containers(self) -> dict[str, Object]:
        """`component/container` to the container."""
        return {
            f"{component}/{container['name']}": container
            for component, template in self.pods().items()
            for container in template["spec"].get("initContainers", []) + template["spec"]["containers"]
        }


@dataclass(frozen=True)
class Chart:
    """The chart with a helm to render it."""

    helm: Path

    def render(self, *settings: str, namespace: str = NAMESPACE, release: str = RELEASE) -> Rendered:
        """`helm template`, each setting as in `--set`. Raises RefusedError."""
        return Rendered(self._run("template", release, str(CHART), "--namespace", namespace, *_set(settings)))

    def render_with(self, values: Path) -> Rendered:
        """`helm template` with a file of values. Raises RefusedError."""
        return Rendered(self._run("template", RELEASE, str(CHART), "--namespace", NAMESPACE, "--values", str(values)))

    def notes(self, *settings: str) -> str:
        """What an installation says at its end. Raises RefusedError."""
        arguments = ["install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--dry-run=client", *_set(settings)]
        return self._run(*arguments).partition("NOTES:\n")[2]

    def lint(self) -> str:
        """`helm lint --strict`. Raises RefusedError."""
        return self._run("lint", "--strict", str(CHART))

    def about(self) -> dict[str, Any]:
        """Chart.yaml."""
        about: dict[str, Any] = read((CHART / "Chart.yaml").read_text())
        return about

    def values(self) -> dict[str, Any]:
        """The defaults."""
        values: dict[str, Any] = read((CHART / "values.yaml").read_text())
        return values

    def _run(self, *arguments: str) -> str:
        command = [str(self.helm), *arguments]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if finished.returncode:
            raise RefusedError(finished.stderr + finished.stdout)
        return finished.stdout


def find_helm() -> Path:
    """helm on PATH, else the test cluster's, which is compiled without the rest of it."""
    found = shutil.which("helm")
    if found:
        return Path(found)
    command = [str(ROOT / "tests" / "cluster" / "cluster"), "build", "helm"]
    built = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=True)
    return Path(built.stdout.splitlines()[-1]) / "helm"


def _set(settings: tuple[str, ...]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]
