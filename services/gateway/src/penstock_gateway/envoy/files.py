"""The folder that the agent and Envoy share: files replaced by rename, never half written."""

import os
import re
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from penstock_gateway.envoy.bootstrap import ROUTES_NAME, ConfigPaths, render_bootstrap
from penstock_gateway.envoy.reading import read_clusters, read_live
from penstock_gateway.envoy.resource_file import resource_file
from penstock_gateway.errors import Unwritable
from penstock_gateway.settings import GatewaySettings
from penstock_gateway.splits.configuration import Configuration

_VERSION = re.compile(r'\{"version_info": "([^"]*)"')
_HEAD = 100
INITIAL = "initial"
"""Version of the files that Envoy starts with before an agent has written any: no configuration, not ready."""


def prepare_folder(settings: GatewaySettings) -> Path:
    """Write the bootstrap, and files without clusters and routes where there are none; return the bootstrap's path.

    Envoy refuses to start when a file that it is to watch does not exist.
    """
    paths = ConfigPaths(folder=settings.config_dir)
    paths.folder.mkdir(parents=True, exist_ok=True)
    replace_file(paths.bootstrap, render_bootstrap(settings, epoch=uuid4().hex))
    _create(paths.clusters, resource_file([], version=INITIAL).text)
    _create(paths.routes, resource_file([_no_routes()], version=INITIAL).text)
    return paths.bootstrap


def read_configuration(paths: ConfigPaths) -> Configuration:
    """Return what the files say; an empty configuration where they are not there yet."""
    clusters, routes = read_text(paths.clusters), read_text(paths.routes)
    return Configuration(
        clusters=read_clusters(clusters) if clusters else {},
        live=read_live(routes) if routes else {},
    )


def replace_file(path: Path, text: str) -> None:
    """Replace a file so that a reader, or a start after a crash, finds the old text or the new one, whole.

    Raises Unwritable: the old text stays, and nothing takes up room beside it.
    """
    fresh = _beside(path)
    try:
        fresh.write_text(text)
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise Unwritable(f"cannot write {path}: {error.strerror}; trying again") from error


def _create(path: Path, text: str) -> None:
    # A link fails where the name exists: an agent that wrote the first real file meanwhile is not overwritten.
    fresh = _beside(path)
    fresh.write_text(text)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def read_text(path: Path) -> str:
    """Return the file's text; empty where there is no file."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def read_version(path: Path) -> str:
    """Return the version in a discovery response's head; empty where there is no file."""
    head = read_text(path)[:_HEAD]
    found = _VERSION.match(head)
    return found[1] if found else ""


def _no_routes() -> dict[str, object]:
    text = "this gateway pod has no routes yet"
    answer = {"match": {"prefix": "/"}, "direct_response": {"status": 503, "body": {"inline_string": text}}}
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": ROUTES_NAME,
        "virtual_hosts": [{"name": "starting", "domains": ["*"], "routes": [answer]}],
    }
