"""What is pushed is signed by digest: cosign itself verifies it.

With a key of the test's own: without one, cosign needs a workflow's identity and the public log.
"""

import json
from pathlib import Path

import pytest

from penstock_testing.chart import find_helm
from penstock_testing.docker_stand_in import DockerStandIn
from penstock_testing.go_programs import compiled
from penstock_testing.oci_registry import OciRegistry
from release import chart
from release.programs import ProgramError, run
from release.signatures import references, sign

DIGEST = "sha256:" + "a" * 64
OFFLINE = ("--use-signing-config=false", "--tlog-upload=false", "--allow-http-registry")


def test_what_may_move_before_it_is_signed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text(json.dumps({"one": f"host/one@{DIGEST}", "two": "host/two:1.0"}))
    with pytest.raises(ValueError, match=r"nothing to sign, or not by digest: host/two:1\.0"):
        references([tmp_path / "images.json"])
    (tmp_path / "empty.json").write_text("{}")
    with pytest.raises(ValueError, match="no references"):
        references([tmp_path / "empty.json"])


def test_all_references_of_all_files_are_signed(tmp_path: Path) -> None:
    (tmp_path / "images.json").write_text(json.dumps({"one": f"host/one@{DIGEST}"}))
    (tmp_path / "chart.json").write_text(json.dumps({"chart": f"host/charts/penstock@{DIGEST}"}))
    found = references([tmp_path / "images.json", tmp_path / "chart.json"])
    assert found == [f"host/one@{DIGEST}", f"host/charts/penstock@{DIGEST}"]


@pytest.mark.deep  # cosign takes minutes to compile
@pytest.mark.timeout(1800)
def test_cosign_verifies_the_chart_the_list_and_each_image_in_it_and_nothing_else(
    go: Path, registry: OciRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "")
    cosign = compiled("tools/cosign", "github.com/sigstore/cosign/v3/cmd/cosign", go)
    run(cosign, "generate-key-pair", folder=tmp_path)
    package = chart.package(tmp_path / "chart", find_helm())
    the_chart = chart.push(package, find_helm(), f"{registry.host}/signed", plain_http=True)
    the_list, of_one_machine = push_list(registry, tmp_path)

    for reference in (the_chart, the_list):
        sign(reference, cosign, ("--key", str(tmp_path / "cosign.key"), *OFFLINE))

    key = ("--key", tmp_path / "cosign.pub", "--insecure-ignore-tlog", "--allow-http-registry")
    for reference in (the_chart, the_list, of_one_machine):
        assert json.loads(run(cosign, "verify", *key, reference))
    unsigned = chart.push(package, find_helm(), f"{registry.host}/unsigned", plain_http=True)
    with pytest.raises(ProgramError, match="no signatures found"):
        run(cosign, "verify", *key, unsigned)


def push_list(registry: OciRegistry, folder: Path) -> tuple[str, str]:
    """Push a list of two images; answers its reference by digest, and that of the first image in it."""
    docker, name = DockerStandIn(folder / "store"), f"{registry.host}/signed/tiny"
    (folder / "context").mkdir()
    (folder / "context" / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    images = [f"{name}:1.0-{architecture}" for architecture in ("amd64", "arm64")]
    for image in images:
        platform = f"--platform=linux/{image.rpartition('-')[2]}"
        docker.run(["build", platform, f"--tag={image}", str(folder / "context")])
        docker.run(["push", image])
    docker.run(["buildx", "imagetools", "create", f"--tag={name}:1.0", *images])
    digest = docker.run(["buildx", "imagetools", "inspect", "--format={{.Manifest.Digest}}", f"{name}:1.0"])
    first = registry.manifest("signed/tiny", "1.0")["manifests"][0]["digest"]
    return f"{name}@{digest}", f"{name}@{first}"
