"""Scenarios: how a cluster starts and, above all, how it ends."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from testcluster.scratch_image import ScratchImage

from .conftest import CACHE, NOTHING, SCRIPT, UP_LIMIT, Cluster, Remains, until

pytestmark = pytest.mark.timeout(600)
KERNEL_SETTINGS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")


def _kernel_settings() -> dict[str, str]:
    return {name: Path("/proc/sys", name).read_text() for name in KERNEL_SETTINGS}


def _shell_image(archive: Path) -> None:
    """This machine's shell and the libraries it needs: enough of an image to write a file with."""
    shell = shutil.which("dash")
    assert shell is not None
    listed = subprocess.run(["ldd", shell], capture_output=True, text=True, check=True).stdout
    libraries = re.findall(r"(/\S+)", listed)
    programs = {"/bin/sh": Path(shell).read_bytes(), **{name: Path(name).read_bytes() for name in libraries}}
    ScratchImage("localhost/shell:1", programs, ("/bin/sh",)).write(archive)


def _claim_and_writer() -> str:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "kept"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    container = {
        "name": "writer",
        "image": "localhost/shell:1",
        "imagePullPolicy": "Never",
        "args": ["-c", "echo written > /kept/file"],
        "volumeMounts": [{"name": "kept", "mountPath": "/kept"}],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "writer"},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532},
            "containers": [container],
            "volumes": [{"name": "kept", "persistentVolumeClaim": {"claimName": "kept"}}],
        },
    }
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [claim, pod]})


def _volumes(cluster: Cluster) -> list[Path]:
    return list((cluster.state / "volumes").iterdir())


def test_two_clusters_start_at_once_and_share_nothing(cluster: Cluster, other_cluster: Cluster) -> None:
    settings = _kernel_settings()
    starting = [each.start() for each in (cluster, other_cluster)]
    for process in starting:
        output, _ = process.communicate(timeout=UP_LIMIT)
        assert process.returncode == 0, output
    first, second = cluster.env(), other_cluster.env()
    assert first["node"] != second["node"]
    assert first["registry_push"] != second["registry_push"]
    cluster.kubectl("create", "namespace", "only-here")
    assert "only-here" not in other_cluster.kubectl("get", "namespaces", "-o", "name")
    links = {each: each.link() for each in (cluster, other_cluster)}

    assert cluster.run("down").returncode == 0
    assert Remains.of(cluster, links[cluster]) == NOTHING
    assert "penstock-node" in other_cluster.kubectl("get", "nodes", "-o", "name")
    assert other_cluster.run("down").returncode == 0
    assert Remains.of(other_cluster, links[other_cluster]) == NOTHING
    assert _kernel_settings() == settings


def test_a_claim_is_bound_and_written_by_a_user_who_is_not_root(cluster: Cluster, tmp_path: Path) -> None:
    cluster.up()
    _shell_image(tmp_path / "shell.tar")
    loaded = cluster.run("load", str(tmp_path / "shell.tar"))
    assert loaded.returncode == 0, loaded.stderr
    cluster.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    cluster.kubectl("apply", "-f", "-", given=_claim_and_writer())
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/writer", "--timeout=60s")
    assert [(folder / "file").read_text() for folder in _volumes(cluster)] == ["written\n"]

    cluster.kubectl("delete", "pod/writer", "pvc/kept", "--timeout=60s")
    until("the volume's directory is removed with its claim", lambda: _volumes(cluster) == [])
    link = cluster.link()
    assert Remains.of(cluster, link).processes
    assert cluster.run("down").returncode == 0
    assert Remains.of(cluster, link) == NOTHING


def test_the_next_cluster_has_the_images_of_the_last_one_and_none_of_its_pods(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = tmp_path / "penstock"  # a cache that no other cluster of this machine takes from
    alone.mkdir()
    (alone / "bin").symlink_to(CACHE / "bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cluster = Cluster(cluster.name, alone)
    cluster.up()
    _shell_image(tmp_path / "shell.tar")
    assert cluster.run("load", str(tmp_path / "shell.tar")).returncode == 0
    cluster.kubectl("apply", "-f", "-", given=_claim_and_writer())
    cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/writer", "--timeout=60s")
    assert cluster.run("down").returncode == 0

    cluster.up()
    in_store = ["--", "ctr", "-n", "k8s.io"]
    assert "localhost/shell:1" in cluster.run("exec", *in_store, "images", "ls", "-q").stdout.split()
    assert cluster.run("exec", *in_store, "containers", "ls", "-q").stdout == ""
    link = cluster.link()
    assert cluster.run("down").returncode == 0
    assert Remains.of(cluster, link) == NOTHING


def test_starting_it_again_finds_it_running_and_the_audit_log_names_who_writes(cluster: Cluster) -> None:
    cluster.up()
    init = cluster.record()["init"]
    cluster.up()
    assert cluster.record()["init"] == init
    cluster.kubectl("create", "configmap", "written-by-the-user")
    events = [json.loads(line) for line in Path(cluster.env()["audit_log"]).read_text().splitlines()]
    mine = [event for event in events if event["objectRef"].get("name") == "written-by-the-user"]
    assert [(event["verb"], event["user"]["username"]) for event in mine] == [("create", "admin")]
    assert "get" not in {event["verb"] for event in events}


def test_a_cluster_ends_when_its_owner_is_killed(cluster: Cluster) -> None:
    owner = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    cluster.up("--owner", str(owner.pid))
    link = cluster.link()
    owner.kill()
    owner.wait()
    until("nothing is left", lambda: Remains.of(cluster, link) == NOTHING)


def test_an_interrupt_while_it_starts_leaves_nothing(cluster: Cluster) -> None:
    starting = cluster.start()
    until("its sandbox runs", lambda: bool(cluster.record().get("init")))
    link = cluster.link()
    starting.send_signal(signal.SIGINT)
    output, _ = starting.communicate(timeout=180)
    assert starting.returncode == 130, output
    assert Remains.of(cluster, link) == NOTHING


def test_kill_9_of_the_starter_while_it_starts_leaves_nothing(cluster: Cluster) -> None:
    starting = cluster.start()
    until("its sandbox runs", lambda: bool(cluster.record().get("init")))
    link = cluster.link()
    starting.kill()
    starting.communicate(timeout=60)
    until("nothing is left", lambda: Remains.of(cluster, link) == NOTHING)


def test_kill_9_of_the_keeper_ends_it_and_the_next_start_clears_up(cluster: Cluster) -> None:
    cluster.up()
    before = cluster.record()
    link = cluster.link()
    Path(cluster.state / "volumes" / "left-over").mkdir()
    subprocess.run(["kill", "-9", str(before["keeper"]["pid"])], check=True)
    until("its processes end with the keeper", lambda: Remains.of(cluster, link).processes == ())
    assert "does not run" in cluster.run("env").stderr

    cluster.up()
    assert cluster.record()["init"] != before["init"]
    assert _volumes(cluster) == []
    link = cluster.link()
    assert cluster.run("down").returncode == 0
    assert Remains.of(cluster, link) == NOTHING


def test_clean_removes_a_dead_cluster_and_leaves_a_running_one(cluster: Cluster, other_cluster: Cluster) -> None:
    cluster.up()
    other_cluster.up()
    link = cluster.link()
    subprocess.run(["kill", "-9", str(cluster.record()["keeper"]["pid"])], check=True)
    until("its processes end with the keeper", lambda: Remains.of(cluster, link).processes == ())
    cleaned = subprocess.run([str(SCRIPT), "clean"], capture_output=True, text=True, timeout=60, check=True)
    assert f"cluster {cluster.name}" in cleaned.stdout
    assert Remains.of(cluster, link) == NOTHING
    assert "penstock-node" in other_cluster.kubectl("get", "nodes", "-o", "name")
