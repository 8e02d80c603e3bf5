"""The Debian packages that the cluster is made of."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testcluster import locks, machine, paths, progress
from testcluster.errors import ClusterError, UnsupportedMachineError

_POLICY = Path("/usr/sbin/policy-rc.d")


def missing(wanted: tuple[str, ...]) -> list[str]:
    query = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *wanted]
    listed = subprocess.run(query, capture_output=True, text=True, timeout=60, check=False).stdout.splitlines()
    installed = {line.split()[0] for line in listed if line.endswith(" installed")}
    return [name for name in wanted if name not in installed]


def require(wanted: tuple[str, ...]) -> None:
    absent = missing(wanted)
    if absent:
        raise UnsupportedMachineError(
            f"Debian packages are missing: {' '.join(absent)}; "
            f"run `tests/cluster/cluster setup` to install them, or {machine.WAY_OUT}"
        )


def install(wanted: tuple[str, ...]) -> None:
    """Installs what is missing, after saying so; starts none of the services that packages bring along."""
    if not missing(wanted):
        progress.say("all Debian packages are there")
        return
    with locks.held(paths.cache() / "setup.lock", "installing Debian packages"), _no_services():
        absent = missing(wanted)
        progress.say(f"installing {len(absent)} Debian packages with apt-get: {' '.join(absent)}")
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        log = paths.cache() / "logs" / "apt-get.log"
        update = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "update"]
        command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends", *absent]
        progress.run_logged(update, log, "apt-get update", timeout=600, environment=environment)
        progress.run_logged(command, log, "apt-get install", timeout=1200, environment=environment)
    if missing(wanted):
        raise ClusterError(f"apt-get ended well, but these are still missing: {' '.join(missing(wanted))}")


@contextmanager
def _no_services() -> Iterator[None]:
    """Debian starts a package's service when it is installed, unless policy-rc.d says no (101)."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
