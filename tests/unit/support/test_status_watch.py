import json
import os
import threading
from pathlib import Path

from penstock_testing.cluster import Cluster, Object
from penstock_testing.status_watch import StatusWatch, documents

KUBECTL = """#!/bin/sh
echo "$@" >> {runs}
cat {printed}
[ $(wc -l < {runs}) -lt 2 ] || exec sleep 600
"""


def watched_by(folder: Path) -> Cluster:
    """A cluster whose kubectl writes down in `runs` what it is asked, and prints what is in `printed`."""
    kubectl = folder / "kubectl"
    kubectl.write_text(KUBECTL.format(runs=folder / "runs", printed=folder / "printed"))
    os.chmod(kubectl, 0o755)  # noqa: PTH101, S103 - a program of the test's own
    return Cluster(context="none", kubeconfig="", images={}, kubectl_path=str(kubectl))


def test_objects_are_read_as_kubectl_prints_them_and_one_cut_short_is_left_out() -> None:
    whole = [{"status": {"phase": "Healthy", "candidate": {}}}, {"status": {}}]
    printed = "\n".join(json.dumps(each, indent=4) for each in whole) + '\n{\n    "status": {\n'
    assert list(documents(printed.splitlines(keepends=True))) == whole


def test_a_watch_that_the_api_server_ends_begins_again_and_ends_with_its_context(tmp_path: Path) -> None:
    printed = [
        {"kind": "ModelDeployment", "metadata": {}},
        {"kind": "ModelDeployment", "status": {"phase": "Healthy"}},
        {"kind": "Status", "status": "Failure", "reason": "Expired"},
    ]
    (tmp_path / "printed").write_text("\n".join(json.dumps(each, indent=4) for each in printed) + "\n")
    told: list[Object] = []
    enough = threading.Event()

    def tell(status: Object) -> None:
        told.append(status)
        if len(told) == 4:
            enough.set()

    cluster = watched_by(tmp_path)
    with StatusWatch(cluster, "users", "model", tell):
        assert enough.wait(60)
    assert told == [{}, {"phase": "Healthy"}] * 2


def test_one_resource_is_watched_as_a_list_of_one_for_by_its_name_kubectl_misses_what_changes_before_the_watch(
    tmp_path: Path,
) -> None:
    (tmp_path / "printed").write_text('{\n    "kind": "ModelDeployment"\n}\n')
    seen = threading.Event()
    cluster = watched_by(tmp_path)
    with StatusWatch(cluster, "users", "model", lambda _: seen.set()):
        assert seen.wait(60)
    asked = (tmp_path / "runs").read_text().splitlines()[0].split()
    assert "--field-selector=metadata.name=model" in asked
    assert "model" not in asked
