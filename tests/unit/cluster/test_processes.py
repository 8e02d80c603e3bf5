import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from testcluster.binaries import _state
from testcluster.cgroups import hierarchies
from testcluster.processes import ClusterProcess


def test_a_process_that_has_ended_is_not_alive_even_while_it_is_a_zombie() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    process = ClusterProcess.of(child.pid)
    assert process is not None
    assert process.alive
    process.signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, not collected
    assert not process.alive
    assert process.watch() is None
    child.wait()


def test_a_pid_that_was_given_to_somebody_else_is_neither_watched_nor_killed() -> None:
    me = ClusterProcess.of(os.getpid())
    assert me is not None
    earlier = replace(me, started=me.started - 1)
    assert not earlier.alive
    assert earlier.watch() is None
    earlier.signal(signal.SIGKILL)  # would end this test


def test_progress_of_a_build_counts_packages_and_ignores_what_else_is_printed() -> None:
    assert _state([]) == "building: 0 modules downloaded"
    assert _state(["go: downloading k8s.io/api v0.35.4"]) == "building: 1 modules downloaded, now k8s.io/api"
    printed = ["go: downloading k8s.io/api v0.35.4", "errors", "k8s.io/api/core/v1", "kube/main.go:3:1: syntax error"]
    assert _state(printed) == "building: 2 packages compiled, now k8s.io/api/core/v1"


def test_cgroups_of_version_two_are_one_hierarchy_and_of_version_one_many(tmp_path: Path) -> None:
    one, two = tmp_path / "v1", tmp_path / "v2"
    for folder in (one / "cpu,cpuacct", one / "memory", two / "system.slice"):
        folder.mkdir(parents=True)
    (one / "cpu").symlink_to("cpu,cpuacct")
    (two / "cgroup.controllers").write_text("cpu memory\n")
    assert hierarchies(one) == [one / "cpu,cpuacct", one / "memory"]
    assert hierarchies(two) == [two]
