"""Installed from what is published, on a machine that has no clone, by a reader of the tutorial."""

import ast
import json
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from penstock_contracts.names import GROUP, PLURAL
from penstock_testing.clean_machine import CleanMachine, python
from penstock_testing.lanes import EndToEndRun
from penstock_testing.page_script import seconds_of_sections
from penstock_testing.platform import NAMESPACE, RELEASE, ROOT, Platform
from penstock_testing.registered_models import RegisteredModels

from .published_release import PublishedRelease, publish
from .tutorial_reader import MODEL, TUTORIAL, TutorialReader

pytestmark = [pytest.mark.alone, pytest.mark.timeout(3000)]
RECORD = ROOT / "build" / "clean-install.json"
"""Seconds of each section of the tutorial."""


@pytest.fixture
def bare(platform: Platform) -> Iterator[Platform]:
    """A cluster without Penstock and without its CRD; afterwards it has the installation from before."""
    values, began = platform.values(), time.time()
    platform.uninstall()
    platform.cluster.kubectl("delete", "crd", f"{PLURAL}.{GROUP}", "--timeout=60s")
    try:
        yield platform
    finally:
        platform.cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", "--wait")
        platform.restore(values)
        EndToEndRun.from_environment().release_was_away(began, time.time())


@pytest.fixture
def published(platform: Platform, tmp_path: Path) -> PublishedRelease:
    return publish(platform.cluster, f"install-{uuid4().hex[:8]}", tmp_path / "wheels")


@pytest.fixture
def machine(platform: Platform, tmp_path: Path) -> CleanMachine:
    """It has Python, kubectl and helm, and a kubeconfig."""
    machine = CleanMachine(tmp_path / "machine")
    (machine.folder / ".kube").mkdir(parents=True)
    machine.provide(kubectl=platform.cluster.kubectl_path, helm=platform.cluster.helm_path, python3=python())
    config = platform.cluster.kubectl("config", "view", "--raw", "--minify", "--flatten")
    (machine.folder / ".kube" / "config").write_text(config)
    return machine


@pytest.fixture
def reader(bare: Platform, published: PublishedRelease, machine: CleanMachine) -> Iterator[TutorialReader]:
    """Somebody who has a cluster, MLflow in it, and nothing of Penstock."""
    reader = TutorialReader(machine, published, RegisteredModels(bare.mlflow().url).newest(MODEL))
    try:
        yield reader
    finally:
        bare.cluster.kubectl("delete", "namespace", TUTORIAL, "--ignore-not-found", "--timeout=120s")


def test_the_tutorial_is_followed_to_its_end_from_wheels_and_chart_with_no_clone_in_reach(
    bare: Platform, published: PublishedRelease, reader: TutorialReader
) -> None:
    *before, clean_up = reader.page.sections()
    printed = reader.follows(*before)
    pods = bare.cluster.items("pods", NAMESPACE) + bare.cluster.items("pods", TUTORIAL)
    printed += reader.follows(clean_up)

    took = seconds_of_sections(printed)
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(took | {"all": round(sum(took.values()), 1)}, indent=1) + "\n")
    print(printed, RECORD.read_text())
    images = {container["image"] for pod in pods for container in pod["spec"]["containers"]}
    parts = ("controller", "gateway", "model-store", "drift-monitor", "predictor")
    assert images == {f"{published.images}/penstock/{part}:{published.version}" for part in parts}
    assert "Traceback" not in printed  # nobody's request failed: users.py would have ended
    assert "GateFailed" in printed
    assert list(took) == [*before, clean_up]
    assert reader.page.shown("version 1 says").replace("1", str(reader.versions[0]), 1) in printed
    first, second, bad = (f"version {number}" for number in reader.versions)
    answered = [answers for line in reader.users_saw() for answers in ast.literal_eval(line)]
    assert {first, second} <= set(answered) <= {first, second, bad}
    assert bare.cluster.items("pods", TUTORIAL) == []
