"""The command line."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from testcluster import (
    binaries,
    components,
    go_modules,
    images,
    inside,
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
from testcluster.images import PARTS, Destination
from testcluster.record import DEFAULT_NAME, ClusterRecord


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
    add("release", "let a cluster outlive its owner", named=True)
    add("down", "end a cluster; nothing of it is left", named=True)
    add("status", "the clusters there are")
    add("env", "how to reach a cluster, as JSON", named=True)
    add("kubectl", "cluster kubectl [NAME] -- ARGUMENTS", named=True)
    add("helm", "cluster helm [NAME] -- ARGUMENTS", named=True)
    add("exec", "cluster exec [NAME] -- COMMAND: runs it in the cluster's namespaces", named=True)
    load = add("load", "put the images of an archive (docker save, OCI) into the node's store", named=True)
    load.add_argument("archive", type=Path)
    made = add("images", "build the project's images, try each one, push them")
    listed = add("image-lists", "push lists of images that were pushed under TAG-ARCHITECTURE, for all architectures")
    listed.add_argument("--of", required=True, metavar="ARCHITECTURES", help="such as amd64,arm64")
    for command in (made, listed):
        _of_images(command)
    add("engine", "which engine `images` builds with where neither is named")
    build = add("build", "compile the programs, and start nothing; says in which folder they are")
    build.add_argument("program", nargs="?", choices=[binaries.HELM], help="it alone")
    add("missing", "what has to be built before a cluster can run the project: programs, images")
    add("setup", "install the Debian packages that are missing")
    add("clean", "remove what dead clusters left behind")
    add("pin", "write go.mod and go.sum from versions.toml")
    add("keep", "(internal) look after a cluster", named=True)
    add("sandbox", "(internal) be process 1 of a cluster", named=True)
    return top


def _of_images(command: argparse.ArgumentParser) -> None:
    command.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    to = command.add_mutually_exclusive_group()
    to.add_argument("--cluster", metavar="NAME[/FOLDER]", help="push to this running cluster's registry")
    to.add_argument("--registry", metavar="PREFIX", help="push to a registry of your own, such as host/project (https)")
    command.add_argument("--tag", default="", help="under which is pushed (default: of an image, the start of its id)")
    command.add_argument("--engine", choices=["auto", "buildah", "docker"], default="auto")
    command.add_argument("--map", type=Path, metavar="FILE", help="write {part: reference by digest} there, as JSON")


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What stands before `--` is ours; what stands after it belongs to the program that is called."""
    if "--" not in arguments:
        return list(arguments), []
    at = list(arguments).index("--")
    return list(arguments[:at]), list(arguments[at + 1 :])


def describe(kept: ClusterRecord) -> dict[str, str]:
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
        return HANDLERS[options.command](options, rest)
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cluster: interrupted; nothing was left behind", file=sys.stderr)
        return 130


def _images(options: argparse.Namespace, _: list[str]) -> int:
    made = images.make(_parts(options), _destination(options), options.engine, options.tag)
    return _told(made, options)


def _image_lists(options: argparse.Namespace, _: list[str]) -> int:
    destination = _destination(options)
    if destination is None or not options.tag:
        raise ClusterError("image-lists needs --registry or --cluster, and --tag")
    made = images.make_lists(_parts(options), destination, options.engine, options.tag, options.of.split(","))
    return _told(made, options)


def _engine(_: argparse.Namespace, __: list[str]) -> int:
    print(images.chosen("auto", None))
    return 0


def _parts(options: argparse.Namespace) -> list[str]:
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown:
        raise ClusterError(f"there is no image called {' or '.join(unknown)}; the images are {', '.join(PARTS)}")
    return options.parts or list(PARTS)


def _told(made: dict[str, str], options: argparse.Namespace) -> int:
    if options.map:
        images.write_map(made, options.map)
    else:
        print(json.dumps(made, indent=1))
    return 0


def _destination(options: argparse.Namespace) -> Destination | None:
    if options.cluster:
        name, slash, folder = options.cluster.partition("/")
        here = describe(lifecycle.running(name))
        push, pull = (f"{here[key]}{slash}{folder}" for key in ("registry_push", "registry_pull"))
        return Destination(push, pull, plain_http=True)
    if options.registry:
        return Destination(options.registry, options.registry, plain_http=False)
    return None


def _release(options: argparse.Namespace, _: list[str]) -> int:
    record.change(lifecycle.running(options.name).name, owner=None)
    return 0


def _become(command: list[str]) -> None:
    sys.stdout.flush()
    os.execvp(command[0], command)  # noqa: S606 - it takes this process's place


def _tool(options: argparse.Namespace, rest: list[str]) -> int:
    here = describe(lifecycle.running(options.name))
    os.environ["KUBECONFIG"] = here["kubeconfig"]
    _become([here[options.command], *rest])
    return 1


def _exec(options: argparse.Namespace, rest: list[str]) -> int:
    _become(inside.command_for(lifecycle.running(options.name), *(rest or ["bash"])))
    return 1


def _up(options: argparse.Namespace, _: list[str]) -> int:
    lifecycle.up(options.name, options.owner)
    return 0


def _down(options: argparse.Namespace, _: list[str]) -> int:
    was_there = lifecycle.down(options.name)
    progress.say(f"cluster {options.name} is down" if was_there else f"there is no cluster {options.name}")
    return 0


def _env(options: argparse.Namespace, _: list[str]) -> int:
    print(json.dumps(describe(lifecycle.running(options.name)), indent=1))
    return 0


def _load(options: argparse.Namespace, _: list[str]) -> int:
    loaded = inside.load_archive(lifecycle.running(options.name), options.archive.resolve())
    print(loaded.stdout or loaded.stderr, end="")
    return loaded.returncode


def _status(_: argparse.Namespace, __: list[str]) -> int:
    for kept in record.every():
        state = "ready" if kept.alive and kept.ready else "starting" if kept.alive else "dead (run `cluster clean`)"
        owner = f", owned by process {kept.owner.pid}" if kept.owner else ""
        print(f"{kept.name}: {state}, node {kept.addresses.node}{owner}, state in {kept.state}")
    return 0


def _clean(_: argparse.Namespace, __: list[str]) -> int:
    print("\n".join(lifecycle.clean()) or "nothing to remove")
    return 0


def _build(options: argparse.Namespace, _: list[str]) -> int:
    make = binaries.ensure_helm if options.program else binaries.ensure
    print(make(versions.read()))
    return 0


def _missing(_: argparse.Namespace, __: list[str]) -> int:
    here = {"programs": binaries.folder(versions.read()).is_dir(), "images": images.were_built()}
    print("\n".join(what for what, stands in here.items() if not stands))
    return 0


def _setup(_: argparse.Namespace, __: list[str]) -> int:
    machine.require()
    system_packages.install(versions.read().debian_packages)
    return 0


def _pin(_: argparse.Namespace, __: list[str]) -> int:
    go_modules.pin(versions.read())
    return 0


def _keep(options: argparse.Namespace, _: list[str]) -> int:
    keeper.main(options.name)
    return 0


def _sandbox(options: argparse.Namespace, _: list[str]) -> int:
    sandbox.main(options.name)
    return 0


HANDLERS: dict[str, Callable[[argparse.Namespace, list[str]], int]] = {
    "up": _up,
    "release": _release,
    "down": _down,
    "status": _status,
    "env": _env,
    "kubectl": _tool,
    "helm": _tool,
    "exec": _exec,
    "load": _load,
    "images": _images,
    "image-lists": _image_lists,
    "engine": _engine,
    "build": _build,
    "missing": _missing,
    "setup": _setup,
    "clean": _clean,
    "pin": _pin,
    "keep": _keep,
    "sandbox": _sandbox,
}
