"""The command line."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from testcluster import (
    binaries,
    components,
    go_modules,
    keeper,
    lifecycle,
    machine,
    progress,
    record,
    sandbox,
    system_packages,
    versions,
)
from testcluster.errors import ClusterError
from testcluster.record import DEFAULT_NAME, Record


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="cluster", description="A real one-node Kubernetes, for tests and the demo.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str, *, named: bool = False) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        if named:
            command.add_argument("name", nargs="?", default=DEFAULT_NAME, metavar="NAME")
        return command

    up = add("up", "start a cluster, or find it running", named=True)
    up.add_argument("--owner", type=int, metavar="PID", help="the cluster ends when this process does, however it does")
    add("down", "end a cluster; nothing of it is left", named=True)
    add("status", "the clusters there are")
    add("env", "how to reach a cluster, as JSON", named=True)
    add("kubectl", "cluster kubectl [NAME] -- ARGUMENTS", named=True)
    add("helm", "cluster helm [NAME] -- ARGUMENTS", named=True)
    add("exec", "cluster exec [NAME] -- COMMAND: runs it in the cluster's namespaces", named=True)
    load = add("load", "put the images of an archive (docker save, OCI) into the node's store", named=True)
    load.add_argument("archive", type=Path)
    add("build", "compile the programs, and start nothing")
    add("setup", "install the Debian packages that are missing")
    add("clean", "remove what dead clusters left behind")
    add("pin", "write go.mod and go.sum from versions.toml")
    add("keep", "(internal) look after a cluster", named=True)
    add("sandbox", "(internal) be process 1 of a cluster", named=True)
    return top


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What stands before `--` is ours; what stands after it belongs to the program that is called."""
    if "--" not in arguments:
        return list(arguments), []
    at = list(arguments).index("--")
    return list(arguments[:at]), list(arguments[at + 1 :])


def describe(kept: Record) -> dict[str, str]:
    """How to reach a cluster: what `env` prints."""
    at, programs = kept.addresses, binaries.folder(versions.read())
    return {
        "name": kept.name,
        "context": kept.name,
        "kubeconfig": str(kept.kubeconfig),
        "node": at.node,
        "registry_push": f"{at.node}:{components.REGISTRY_PORT}",
        "registry_pull": f"localhost:{components.REGISTRY_PORT}",
        "kubectl": str(programs / "kubectl"),
        "helm": str(programs / "helm"),
        "audit_log": str(kept.audit_log),
        "state": str(kept.state),
    }


def main(arguments: Sequence[str]) -> int:
    own, rest = split(arguments)
    options = parser().parse_args(own)
    if rest and options.command not in ("kubectl", "helm", "exec"):
        parser().error(f"{options.command} takes nothing after --")
    try:
        return _run(options, rest)
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cluster: interrupted; nothing was left behind", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace, rest: list[str]) -> int:
    match options.command:
        case "up":
            lifecycle.up(options.name, options.owner)
        case "down":
            progress.say(
                f"cluster {options.name} is down" if lifecycle.down(options.name) else f"no cluster {options.name}"
            )
        case "status":
            return _status()
        case "env":
            print(json.dumps(describe(lifecycle.running(options.name)), indent=1))
        case "kubectl" | "helm":
            return _tool(options.command, options.name, rest)
        case "exec":
            kept = lifecycle.running(options.name)
            _become(lifecycle.inside(kept, *(rest or ["bash"])))
        case "load":
            return _load(lifecycle.running(options.name), options.archive)
        case "clean":
            print("\n".join(lifecycle.clean()) or "nothing to remove")
        case _:
            _prepare(options)
    return 0


def _prepare(options: argparse.Namespace) -> None:
    match options.command:
        case "build":
            print(binaries.ensure(versions.read()))
        case "setup":
            machine.require()
            system_packages.install(versions.read().debian_packages)
        case "pin":
            go_modules.pin(versions.read())
        case "keep":
            keeper.main(options.name)
        case "sandbox":
            sandbox.main(options.name)


def _become(command: list[str]) -> None:
    sys.stdout.flush()
    os.execvp(command[0], command)


def _tool(tool: str, name: str, rest: list[str]) -> int:
    here = describe(lifecycle.running(name))
    os.environ["KUBECONFIG"] = here["kubeconfig"]
    _become([here[tool], *rest])
    return 1


def _load(kept: Record, archive: Path) -> int:
    loaded = lifecycle.load_archive(kept, archive.resolve())
    print(loaded.stdout or loaded.stderr, end="")
    return loaded.returncode


def _status() -> int:
    for kept in record.every():
        state = "ready" if kept.alive and kept.ready else "starting" if kept.alive else "dead (run `cluster clean`)"
        owner = f", owned by process {kept.owner.pid}" if kept.owner else ""
        print(f"{kept.name}: {state}, node {kept.addresses.node}{owner}, state in {kept.state}")
    return 0
