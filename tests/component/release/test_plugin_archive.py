"""The plugin as a program without Python: krew takes its manifest and its archive, and it asks a real API server."""

import json
import os
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from kubernetes.aio.client import ApiClient, CoreV1Api

from penstock_testing.clean_machine import python
from penstock_testing.gateway.cluster import create_model_deployment
from penstock_testing.gateway.objects import NAME
from penstock_testing.go_programs import compiled
from release.krew_manifest import manifest
from release.plugin_archive import build_archive
from release.programs import run, told
from release.version import read

pytestmark = pytest.mark.timeout(1800)
SOURCE = "https://github.com/o/p"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, uv: Path) -> Path:
    return build_archive(tmp_path_factory.mktemp("plugin"), str(python()), uv)


def written(archives: list[Path], folder: Path) -> Path:
    file = folder / "penstock.yaml"
    file.write_text(yaml.safe_dump(manifest(archives, read(), SOURCE)))
    return file


@pytest.fixture
def installed(archive: Path, tmp_path: Path, go: Path) -> Path:
    """The program, once krew has installed the plugin."""
    krew = compiled("tools/krew", "sigs.k8s.io/krew/cmd/krew", go)
    files = [f"--manifest={written([archive], tmp_path)}", f"--archive={archive}"]
    run(krew, "install", *files, environment=os.environ | {"KREW_ROOT": str(tmp_path / "krew")})
    return tmp_path / "krew" / "bin" / "kubectl-penstock"


def test_krews_own_check_takes_the_manifest_of_all_platforms(tmp_path: Path, go: Path) -> None:
    validate = compiled("tools/krew", "sigs.k8s.io/krew/cmd/validate-krew-manifest", go)
    platforms = ("linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64")
    archives = [tmp_path / f"kubectl-penstock-{read()}-{platform}.tar.gz" for platform in platforms]
    for file in archives:
        file.write_bytes(file.name.encode())
    assert "structural validation OK" in told(validate, "-skip-install", f"-manifest={written(archives, tmp_path)}")


def asked(program: Path, folder: Path, *arguments: str) -> str:
    """What it prints where PATH has nothing."""
    return run(program, *arguments, environment={"PATH": str(folder), "HOME": str(folder)})


def test_it_runs_where_no_python_is(installed: Path, tmp_path: Path) -> None:
    assert asked(installed, tmp_path, "--version").strip() == f"kubectl penstock, version {read()}"


async def test_it_lists_what_a_cluster_has(installed: Path, tmp_path: Path, api: ApiClient, api_server: str) -> None:
    namespace = f"plugin-{uuid4().hex[:8]}"
    await CoreV1Api(api).create_namespace({"metadata": {"name": namespace}})
    await create_model_deployment(api, namespace)
    found = asked(installed, tmp_path, "get", "-n", namespace, "-o", "json", "--kubeconfig", api_server)
    assert [(each["namespace"], each["name"]) for each in json.loads(found)] == [(namespace, NAME)]
