"""The cluster's programs, compiled from Go modules once per set of sources and versions."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from testcluster import go_toolchain, locks, paths, progress, versions
from testcluster.errors import ClusterError
from testcluster.processes import contained

PROGRAMS = ("kube", "coredns", "pause")
HELM = "helm"
_PACKAGES = {HELM: "helm.sh/helm/v4/cmd/helm"}
"""Of a program that is not in the folder of its name."""
_SHOW_EVERY = 4.0  # seconds between two lines of progress
_LIMIT = 3600  # seconds that a build may take
_TAIL = 25


def link_flags(pinned: versions.Versions) -> str:
    """What makes the programs say their version; also leaves out debug information."""
    package = "k8s.io/component-base/version"
    major, minor, *_ = versions.numbers(pinned.kubernetes)
    stamps = {
        f"{package}.gitVersion": pinned.kubernetes,
        f"{package}.gitMajor": str(major),
        f"{package}.gitMinor": str(minor),
        "helm.sh/helm/v4/internal/version.version": pinned.modules["helm.sh/helm/v4"],
    }
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamps.items())])


def key(sources: Iterable[tuple[str, bytes]], flags: str) -> str:
    """Names a build by everything that goes into it: the sources' paths and contents, and the link flags."""
    digest = hashlib.sha256(flags.encode())
    for name, content in sorted(sources):
        digest.update(f"\n{name} {hashlib.sha256(content).hexdigest()}".encode())
    return digest.hexdigest()[:16]


def folder(pinned: versions.Versions) -> Path:
    files = (
        (str(file.relative_to(paths.GO_SOURCES)), file.read_bytes())
        for file in paths.GO_SOURCES.rglob("*")
        if file.is_file()
    )
    return paths.cache() / "bin" / key(files, link_flags(pinned))


def ensure(pinned: versions.Versions) -> Path:
    """The folder with all programs; compiles them where that has not been done."""
    home = folder(pinned)
    if home.is_dir():
        return home
    with locks.held(paths.cache() / "build.lock", "building the same programs"):
        if not home.is_dir():
            _build_all(pinned, home)
    return home


def helm_folder(pinned: versions.Versions) -> Path:
    """Of helm alone: named by the modules that it is made from, and not by what else the cluster needs."""
    files = ((name, (paths.GO_SOURCES / name).read_bytes()) for name in ("go.mod", "go.sum"))
    return paths.cache() / "helm" / key(files, link_flags(pinned))


def ensure_helm(pinned: versions.Versions) -> Path:
    """The folder with helm, the one that the cluster has; where there is none, helm alone is compiled."""
    home = helm_folder(pinned)
    if home.is_dir():
        return home
    with locks.held(paths.cache() / "helm.lock", "building helm"):
        if not home.is_dir():
            say = "building helm from source (once; on two cores about two minutes)"
            _build(pinned, home, [HELM], say)
    return home


def _build_all(pinned: versions.Versions, home: Path) -> None:
    helm = ensure_helm(pinned) / HELM
    say = f"building Kubernetes {pinned.kubernetes} from source (once; on two cores about six minutes)"

    def complete(draft: Path) -> None:
        (draft / "kubectl").symlink_to("kube")
        shutil.copy2(helm, draft / HELM)  # not a link: each folder goes by itself when newer ones come

    _build(pinned, home, PROGRAMS, say, complete)


def _build(
    pinned: versions.Versions,
    home: Path,
    programs: Sequence[str],
    say: str,
    complete: Callable[[Path], object] = lambda _: None,
) -> None:
    go = go_toolchain.find(pinned)
    home.parent.mkdir(parents=True, exist_ok=True)
    for stale in home.parent.glob("building-*"):  # its builder was killed: the lock is ours
        shutil.rmtree(stale)
    draft = Path(tempfile.mkdtemp(prefix="building-", dir=home.parent))
    try:
        progress.say(say)
        _compile(go, pinned, draft, programs)
        complete(draft)
        draft.chmod(0o755)
        draft.rename(home)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    _keep_newest(home.parent)


def _environment() -> dict[str, str]:
    fixed = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
    return os.environ | fixed


def _compile(go: Path, pinned: versions.Versions, out: Path, programs: Sequence[str]) -> None:
    flags = ["-v", "-trimpath", "-buildvcs=false", "-ldflags", link_flags(pinned), "-o", f"{out}/"]
    command = contained([str(go), "build", *flags, *(_PACKAGES.get(name, f"./{name}") for name in programs)])
    log = paths.cache() / "logs" / f"go-build-{programs[0]}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=paths.GO_SOURCES, env=_environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            _follow(process, log)
        except BaseException:
            process.kill()
            process.wait()
            raise
    missing = [name for name in programs if not (out / name).is_file()]
    if process.returncode != 0 or missing:
        tail = "\n".join(log.read_text().splitlines()[-_TAIL:])
        raise ClusterError(f"go build failed with {process.returncode}; all of its output is in {log}\n{tail}")


def _follow(process: subprocess.Popen[bytes], log: Path) -> None:
    """Shows what is being compiled until the process ends."""
    began = time.monotonic()
    while True:
        try:
            process.wait(_SHOW_EVERY)
        except subprocess.TimeoutExpired:
            if time.monotonic() - began > _LIMIT:
                raise ClusterError(f"go build did not end within {_LIMIT} s; its output is in {log}") from None
            progress.say(_state(log.read_text(errors="replace").splitlines()))
        else:
            return


def _state(lines: list[str]) -> str:
    """One line about a build, from what `go build -v` has printed."""
    downloads = [line for line in lines if line.startswith("go: downloading")]
    packages = [line for line in lines if re.fullmatch(r"[\w./~-]+", line)]
    if packages:
        return f"building: {len(packages)} packages compiled, now {packages[-1]}"
    return f"building: {len(downloads)} modules downloaded" + (f", now {downloads[-1].split()[2]}" if downloads else "")


def _keep_newest(home: Path, count: int = 3) -> None:
    """Older builds (200 MB each) go; one that a running cluster uses lives on until its processes end."""
    builds = sorted((entry for entry in home.iterdir() if entry.is_dir()), key=lambda entry: entry.stat().st_mtime)
    for old in builds[:-count]:
        shutil.rmtree(old, ignore_errors=True)
