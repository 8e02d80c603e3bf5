"""Builds the project's images, tries each one, and pushes them to where a cluster pulls them."""

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from testcluster import base_image, docker, locks, machine, paths, progress, system_packages, versions
from testcluster.buildah import Buildah
from testcluster.errors import ClusterError


class Engine(Protocol):
    """What makes images: buildah or docker."""

    def build(self, image: str, dockerfile: Path, context: Path, variables: Mapping[str, str], what: str) -> str: ...
    def run(self, image: str, command: Sequence[str]) -> None: ...
    def push(self, image: str, target: str, *, plain_http: bool) -> str: ...
    def push_list(self, target: str, images: Sequence[str], *, plain_http: bool) -> str: ...


@dataclass(frozen=True)
class ImageRecipe:
    """One image: its Dockerfile, and the commands that show it is whole."""

    dockerfile: str
    trials: tuple[tuple[str, ...], ...]
    context: str = "."
    """Folder that it is built from."""


def _imports(*modules: str) -> tuple[str, ...]:
    return ("python", "-c", f"import {', '.join(modules)}")


_IS_COMPILED = (
    "python",
    "-c",
    "from penstock_predictor.serving import batcher; assert batcher.__file__.endswith('.so'), batcher.__file__",
)

PARTS = {
    "controller": ImageRecipe("controller/Dockerfile", (_imports("penstock_controller.__main__"),)),
    "predictor": ImageRecipe("services/predictor/Dockerfile", (_imports("penstock_predictor.__main__"), _IS_COMPILED)),
    "gateway": ImageRecipe(
        "services/gateway/Dockerfile", (_imports("penstock_gateway.__main__"), ("envoy", "--version"))
    ),
    "model-store": ImageRecipe("services/model-store/Dockerfile", (_imports("penstock_model_store.__main__"),)),
    "drift-monitor": ImageRecipe("services/drift-monitor/Dockerfile", (_imports("penstock_drift_monitor.__main__"),)),
    "fraud-detection": ImageRecipe(
        "examples/fraud-detection/Dockerfile", (_imports("fraud_detection.__main__"),), "examples/fraud-detection"
    ),
    "feast": ImageRecipe(
        "examples/fraud-detection/feature_repo/Dockerfile",
        (("feast", "version"),),
        "examples/fraud-detection/feature_repo",
    ),
}


@dataclass(frozen=True)
class Destination:
    """A registry: the name it is pushed to and the name that nodes pull from."""

    push: str
    pull: str
    plain_http: bool


@dataclass(frozen=True)
class Workshop:
    """An engine with what every build of this run is given."""

    engine: Engine
    variables: Mapping[str, str]


def make(parts: Iterable[str], destination: Destination | None, engine: str, tag: str = "") -> dict[str, str]:
    """Builds and tries every part; pushes where there is a destination, under `tag` or the beginning of its id. Answers
    each part's reference: by digest where it was pushed, by image id where it was not.
    """
    pinned = versions.read()
    with locks.held(paths.cache() / "images.lock", "building images"):
        workshop = _workshop(pinned, chosen(engine, destination), destination)
        return {part: _make(workshop, part, destination, tag) for part in parts}


def make_lists(
    parts: Iterable[str], destination: Destination, engine: str, tag: str, architectures: Iterable[str]
) -> dict[str, str]:
    """Pushes, for every part, a list under `tag` of the images that were pushed under `tag-architecture`. Answers each
    part's reference by digest.
    """
    tags = [f"{tag}-{architecture}" for architecture in architectures]
    with locks.held(paths.cache() / "images.lock", "building images"):
        worker = docker.Docker() if chosen(engine, destination) == "docker" else _buildah(versions.read())
        return {part: _make_list(worker, part, destination, tag, tags) for part in parts}


def chosen(engine: str, destination: Destination | None) -> str:
    """The engine that `auto` stands for: buildah for a test cluster, elsewhere docker where its daemon answers."""
    if engine != "auto":
        return engine
    to_test_cluster = destination is not None and destination.plain_http
    return "docker" if not to_test_cluster and docker.works() else "buildah"


def _workshop(pinned: versions.Versions, engine: str, destination: Destination | None) -> Workshop:
    variables = {"UV_VERSION": pinned.uv}
    if destination is not None and not destination.plain_http:
        # A test cluster's images are the same for each commit that leaves them as they are.
        variables["REVISION"] = _revision()
    if engine == "docker":
        return Workshop(docker.Docker(), variables)
    buildah = _buildah(pinned)
    return Workshop(buildah, {**variables, "BASE": base_image.ensure(buildah, pinned)})


def _buildah(pinned: versions.Versions) -> Buildah:
    machine.require()
    system_packages.require(pinned.debian_packages)
    return Buildah(paths.cache() / "buildah")


def _revision() -> str:
    """The commit that is checked out, with `-dirty` where files differ from it; empty where git cannot tell."""
    command = ["git", "-C", str(paths.PROJECT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _make(workshop: Workshop, part: str, destination: Destination | None, tag: str) -> str:
    image, plan = f"localhost/penstock/{part}:latest", PARTS[part]
    identity = workshop.engine.build(
        image,
        paths.PROJECT / plan.dockerfile,
        paths.PROJECT / plan.context,
        workshop.variables,
        f"building image {part}",
    )
    _try(workshop.engine, part, identity)
    if destination is None:
        return f"sha256:{identity}"
    target = f"{destination.push}/penstock/{part}:{tag or identity[:12]}"
    return _pushed(part, destination, workshop.engine.push(image, target, plain_http=destination.plain_http))


def _make_list(engine: Engine, part: str, destination: Destination, tag: str, tags: Sequence[str]) -> str:
    name = f"{destination.push}/penstock/{part}"
    images = [f"{name}:{each}" for each in tags]
    return _pushed(part, destination, engine.push_list(f"{name}:{tag}", images, plain_http=destination.plain_http))


def _pushed(part: str, destination: Destination, digest: str) -> str:
    reference = f"{destination.pull}/penstock/{part}@{digest}"
    progress.say(f"image {part}: {reference}")
    return reference


def _try(engine: Engine, part: str, identity: str) -> None:
    """Once for each image that was ever built: its commands run in the finished image, as its user."""
    passed = paths.cache() / "images-tried" / f"{part}-{identity}"
    if passed.exists():
        return
    for command in PARTS[part].trials:
        try:
            engine.run(identity, command)
        except ClusterError as error:
            raise ClusterError(f"image {part} is not whole: {' '.join(command)} fails in it\n{error}") from None
    passed.parent.mkdir(parents=True, exist_ok=True)
    passed.touch()


def were_built() -> bool:
    """Whether each part's image was ever built and tried here: building it again takes little."""
    tried = paths.cache() / "images-tried"
    return all(any(tried.glob(f"{part}-*")) for part in PARTS)


def write_map(references: Mapping[str, str], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(references, indent=1) + "\n")
