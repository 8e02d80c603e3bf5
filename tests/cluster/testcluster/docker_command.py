"""docker's commands build, push, login and rmi, as a pipeline writes them, carried out by buildah.

Images are built on our own base, from the layers that are there already. Every registry is spoken to by plain http.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from testcluster import base_image, locks, machine, paths, system_packages, versions
from testcluster.buildah import Buildah
from testcluster.errors import ClusterError


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="docker", description=__doc__)
    commands = root.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build")
    build.add_argument("--tag", required=True)
    build.add_argument("context", type=Path)
    for name in ("push", "rmi"):
        commands.add_parser(name).add_argument("image")
    login = commands.add_parser("login")
    login.add_argument("registry")
    login.add_argument("--username", required=True)
    login.add_argument("--password-stdin", action="store_true", required=True)
    return root


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    os.environ["REGISTRY_AUTH_FILE"] = str(_credentials())
    try:
        if options.command == "login":
            return _login(options.registry, options.username)
        with locks.held(paths.cache() / "images.lock", "building images"):
            _with_images(options)
    except ClusterError as error:
        print(f"docker: {error}", file=sys.stderr)
        return 1
    return 0


def _with_images(options: argparse.Namespace) -> None:
    pinned = versions.read()
    machine.require()
    system_packages.require(pinned.debian_packages)
    buildah = Buildah(paths.cache() / "buildah")
    if options.command == "build":
        variables = {"UV_VERSION": pinned.uv, "BASE": base_image.ensure(buildah, pinned)}
        dockerfile = options.context / "Dockerfile"
        buildah.build(options.tag, dockerfile, options.context, variables, f"building {options.tag}")
    elif options.command == "push":
        digest = buildah.push(options.image, options.image, plain_http=True)
        print(f"{options.image.rpartition(':')[2]}: digest: {digest}")
    else:
        buildah.drop(options.image)


def _credentials() -> Path:
    """Where docker keeps them: buildah reads and writes the same form."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "config.json"
    if not file.exists():
        file.write_text("{}")
    return file


def _login(registry: str, username: str) -> int:
    """The password comes from standard input."""
    command = ["buildah", "login", "--tls-verify=false", "--username", username, "--password-stdin", registry]
    return subprocess.run(command, timeout=60, check=False).returncode
