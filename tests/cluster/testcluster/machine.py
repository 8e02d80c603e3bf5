"""Whether this machine can run the cluster, and what is missing where it cannot."""

import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from testcluster.errors import UnsupportedMachineError

_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_CHROOT": 18, "CAP_SYS_ADMIN": 21, "CAP_MKNOD": 27}
WAY_OUT = "use another cluster instead: CONTEXT=<kube context> REGISTRY=<where images can be pushed>"


def _capabilities() -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))


def _kernel_checks() -> list[tuple[str, Callable[[], bool]]]:
    checks: list[tuple[str, Callable[[], bool]]] = [
        ("Linux", lambda: sys.platform == "linux"),
        ("an x86-64 or arm64 processor", lambda: platform.machine() in ("x86_64", "aarch64")),
        ("Debian or one of its kind (apt-get)", lambda: shutil.which("apt-get") is not None),
        ("root", lambda: os.geteuid() == 0),
    ]
    missing = [(name, lambda bit=bit: bool(_capabilities() >> bit & 1)) for name, bit in _CAPABILITIES.items()]
    checks += [(f"the capability {name}", check) for name, check in missing]
    checks.append(("cgroups in /sys/fs/cgroup, writable", lambda: os.access("/sys/fs/cgroup", os.W_OK)))
    return checks


def require() -> None:
    """Raises:
    UnsupportedMachineError: with the first thing that is missing, and the way out.

    """
    for what, present in _kernel_checks():
        if not present():
            raise UnsupportedMachineError(f"the test cluster cannot run here: it needs {what}; {WAY_OUT}")
