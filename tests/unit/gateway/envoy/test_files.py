"""The folder that both containers share."""

from pathlib import Path

from penstock_gateway.envoy.bootstrap import ConfigPaths
from penstock_gateway.envoy.clusters import render_clusters
from penstock_gateway.envoy.files import INITIAL, prepare_folder, read_configuration, read_version, replace_file
from penstock_gateway.envoy.routes import render_routes
from penstock_gateway.settings import GatewaySettings
from penstock_gateway.splits.configuration import Configuration


def test_an_empty_folder_gets_what_envoy_needs_to_start(tmp_path: Path) -> None:
    settings = GatewaySettings(config_dir=tmp_path / "config")
    paths = ConfigPaths(folder=settings.config_dir)
    assert prepare_folder(settings) == paths.bootstrap
    assert (read_version(paths.clusters), read_version(paths.routes)) == (INITIAL, INITIAL)
    assert read_configuration(paths) == Configuration()


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    """Envoy's container restarts: it goes on with the last good state."""
    settings, paths = GatewaySettings(config_dir=tmp_path), ConfigPaths(folder=tmp_path)
    replace_file(paths.clusters, render_clusters({}).text)
    replace_file(paths.routes, render_routes({}, 1).text)
    prepare_folder(settings)
    assert read_version(paths.clusters) == render_clusters({}).version
    assert read_version(paths.routes) == render_routes({}, 1).version


def test_nothing_is_left_beside_the_files(tmp_path: Path) -> None:
    prepare_folder(GatewaySettings(config_dir=tmp_path))
    prepare_folder(GatewaySettings(config_dir=tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bootstrap.json", "clusters.json", "routes.json"]


def test_before_envoys_container_has_started_there_is_nothing(tmp_path: Path) -> None:
    paths = ConfigPaths(folder=tmp_path)
    assert (read_version(paths.routes), read_configuration(paths)) == ("", Configuration())
