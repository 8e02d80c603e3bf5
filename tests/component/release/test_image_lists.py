"""One name for the images of all architectures, by buildah and by the commands that docker is given."""

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from testcluster import images
from testcluster.buildah import Buildah
from testcluster.docker import Docker
from testcluster.images import Destination

from penstock_testing import docker_stand_in
from penstock_testing.docker_stand_in import DockerStandIn
from penstock_testing.oci_registry import OciRegistry
from release.plugin_archive import ARCHITECTURES

NATIVE = ARCHITECTURES[platform.machine()]
OTHER = "arm64" if NATIVE == "amd64" else "amd64"
Push = Callable[[str, str], str]
"""Builds an image for an architecture, pushes it under a name and answers its digest."""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """Of an image in which nothing runs: any machine builds it for any other."""
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "content").write_text("the same everywhere")
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY content /content\n")
    return folder


@pytest.fixture
def docker(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """The engine, with a docker on PATH that answers."""
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "docker"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {docker_stand_in.__file__} {store} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return Docker()


@pytest.fixture
def push(store: Path, context: Path) -> Push:
    def made(architecture: str, target: str) -> str:
        stand_in = DockerStandIn(store)
        stand_in.run(["build", f"--platform=linux/{architecture}", f"--tag={target}", str(context)])
        return stand_in.run(["push", target])

    return made


def listed(registry: OciRegistry, name: str) -> dict[str, str]:
    """Architecture to digest of what a list has."""
    entries = registry.manifest(name, "1.0")["manifests"]
    return {entry["platform"]["architecture"]: entry["digest"] for entry in entries}


@pytest.mark.parametrize("engine", ["buildah", "docker"])
def test_a_list_names_the_images_of_all_architectures(
    engine: str, docker: Docker, push: Push, registry: OciRegistry, tmp_path: Path
) -> None:
    name = f"{registry.host}/{engine}/tiny"
    for architecture in (NATIVE, OTHER):
        push(architecture, f"{name}:1.0-{architecture}")
    worker = docker if engine == "docker" else Buildah(tmp_path / "buildah")
    digest = worker.push_list(f"{name}:1.0", [f"{name}:1.0-{NATIVE}", f"{name}:1.0-{OTHER}"], plain_http=True)

    found = listed(registry, f"{engine}/tiny")
    assert list(found) == [NATIVE, OTHER]
    assert registry.manifest(f"{engine}/tiny", digest) == registry.manifest(f"{engine}/tiny", "1.0")
    for architecture, own in found.items():
        assert registry.manifest(f"{engine}/tiny", own) == registry.manifest(f"{engine}/tiny", f"1.0-{architecture}")


def test_docker_builds_an_image_and_pushes_it_under_the_digest_that_it_tells(
    docker: Docker, context: Path, registry: OciRegistry
) -> None:
    identity = docker.build("localhost/tiny:latest", context / "Dockerfile", context, {}, "building tiny")
    digest = docker.push("localhost/tiny:latest", f"{registry.host}/alone/tiny:1.0", plain_http=False)
    assert registry.manifest("alone/tiny", digest)["config"]["digest"] == f"sha256:{identity}"


def test_docker_builds_where_its_daemon_answers_but_for_a_test_cluster(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = Destination("registry.example", "registry.example", plain_http=False)
    cluster = Destination("10.0.0.1:5000", "localhost:5000", plain_http=True)
    assert [images.chosen("auto", place) for place in (None, elsewhere, cluster)] == ["docker", "docker", "buildah"]
    assert images.chosen("buildah", elsewhere) == "buildah"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert images.chosen("auto", elsewhere) == "buildah"
