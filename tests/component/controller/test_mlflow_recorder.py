"""The recorder adapter against real MLflow servers: an open one, and one that asks who calls."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.server.auth.client import AuthServiceClient
from prometheus_client import CollectorRegistry

from penstock_contracts.api.registry_write import AttemptOutcome
from penstock_controller.adapters.mlflow_api import MlflowApi
from penstock_controller.adapters.mlflow_recorder import MlflowRecorder
from penstock_controller.adapters.registry_connection import RegistryConnection
from penstock_controller.errors import RegistryAway, RegistryRefused, VersionMissing
from penstock_controller.outcome_tag import LONGEST, outcome_tag
from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.registry_entry import Entry, Tag
from penstock_controller.telemetry import ControllerTelemetry
from penstock_testing.artifacts import affine
from penstock_testing.bearer_proxy import TOKEN, bearer_proxy
from penstock_testing.mlflow_server import ADMIN, PASSWORD, MlflowServer, mlflow_server
from penstock_testing.registered_models import RegisteredModels

os.environ |= {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
TAG = Tag(key="penstock.ns.m", value='{"completion": "Promoted"}')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    with mlflow_server(Path(tmp_path_factory.mktemp("mlflow"))) as server:
        for _ in range(2):
            RegisteredModels(server.uri).register("m", affine(2.0, 1.0))
        yield server


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    with (
        mlflow_server(Path(tmp_path_factory.mktemp("locked")), basic_auth=True) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        _act_as(patch, ADMIN, PASSWORD)
        RegisteredModels(server.uri).register("m", affine(2.0, 1.0))
        users = AuthServiceClient(server.uri)
        users.create_user("reader", PASSWORD)
        users.create_user("editor", PASSWORD)
        users.grant_user_permission("editor", "registered_model", "m", "EDIT")
        yield server


def _act_as(patch: pytest.MonkeyPatch, user: str, password: str) -> None:
    patch.setenv("MLFLOW_TRACKING_USERNAME", user)
    patch.setenv("MLFLOW_TRACKING_PASSWORD", password)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """The folder in which a connection's credentials are found: none."""
    return tmp_path


def _write(secret: Path, **values: str) -> None:
    for file in secret.iterdir():
        file.unlink()
    for name, value in values.items():
        (secret / f"MLFLOW_TRACKING_{name.upper()}").write_text(value)


def recorder(uri: str, secret: Path = Path("/nowhere")) -> MlflowRecorder:
    return MlflowRecorder(
        {"default": MlflowApi(RegistryConnection("default", uri, secret))}, ControllerTelemetry(CollectorRegistry())
    )


def entry(version: str = "1", *, model: str = "m", alias: str = "") -> Entry:
    return Entry(connection="default", model=model, version=version, alias=alias)


def writes(server: MlflowServer) -> list[str]:
    """The write requests in the server's access log, by their last two words."""
    lines = (server.folder / "server.log").read_text().splitlines()
    return [
        line
        for line in lines
        if "model-versions/set-tag" in line or '"POST /api/2.0/mlflow/registered-models/alias' in line
    ]


async def test_a_tag_arrives_once_however_often_it_is_written(server: MlflowServer) -> None:
    before = len(writes(server))
    for _ in range(3):
        await recorder(server.uri).record(entry(), TAG)
    assert MlflowClient(server.uri).get_model_version("m", "1").tags == {TAG.key: TAG.value}
    assert len(writes(server)) - before == 1


async def test_an_alias_moves_there_and_back_and_not_where_it_is(server: MlflowServer) -> None:
    before = len(writes(server))
    for version in ("1", "2", "2", "1"):
        await recorder(server.uri).record(entry(version, alias="live"), None)
        assert MlflowClient(server.uri).get_model_version_by_alias("m", "live").version == version
    assert len(writes(server)) - before == 3


async def test_a_tag_of_the_longest_kind_is_taken(server: MlflowServer) -> None:
    outcome = AttemptOutcome(
        attempt=1, completion="RolledBack", reason="GateFailed", message='"\x07' * 1024, ended_at="now"
    )
    tag = outcome_tag("c" * 63, ResourceKey("n" * 63, "m" * 40), outcome)
    assert len(tag.value) <= LONGEST
    await recorder(server.uri).record(entry("2"), tag)
    assert MlflowClient(server.uri).get_model_version("m", "2").tags[tag.key] == tag.value


@pytest.mark.parametrize("gone", [entry("99"), entry(model="none"), entry("99", alias="live")])
async def test_a_version_or_model_that_is_gone_is_said_to_be(server: MlflowServer, gone: Entry) -> None:
    with pytest.raises(VersionMissing, match=r"has no version"):
        await recorder(server.uri).record(gone, TAG)


async def test_a_registry_that_is_away_is_said_in_words_that_do_not_change() -> None:
    said = set()
    for _ in range(2):
        with pytest.raises(RegistryAway) as away:
            await recorder("http://127.0.0.1:9").record(entry(), TAG)
        said.add(str(away.value))
    assert len(said) == 1
    assert "registry 'default' does not answer" in said.pop()


async def test_with_basic_auth_who_may_edit_the_model_sets_tags_and_aliases(locked: MlflowServer, secret: Path) -> None:
    _write(secret, username="editor", password=PASSWORD)
    await recorder(locked.uri, secret).record(entry(alias="live"), TAG)
    found = MlflowClient(locked.uri).get_model_version_by_alias("m", "live")
    assert found.tags == {TAG.key: TAG.value}


@pytest.mark.parametrize("user", ["reader", "nobody"], ids=["may-only-read", "unknown"])
@pytest.mark.parametrize("alias", ["", "another"], ids=["tag", "alias"])
async def test_who_may_not_write_is_told_what_must_be_allowed(
    locked: MlflowServer, secret: Path, user: str, alias: str
) -> None:
    _write(secret, username=user, password=PASSWORD)
    tag = None if alias else Tag(key="penstock.ns.other", value="{}")
    with pytest.raises(RegistryRefused, match=r"registryCredentialsSecret edit model 'm'"):
        await recorder(locked.uri, secret).record(entry(alias=alias), tag)


async def test_credentials_that_rotate_are_taken_up_without_a_restart(locked: MlflowServer, secret: Path) -> None:
    writer = recorder(locked.uri, secret)
    with pytest.raises(RegistryRefused):
        await writer.record(entry(alias="rotated"), None)
    _write(secret, username="editor", password=PASSWORD[::-1])
    with pytest.raises(RegistryRefused):
        await writer.record(entry(alias="rotated"), None)
    _write(secret, username="editor", password=f"{PASSWORD}\n")
    await writer.record(entry(alias="rotated"), None)
    assert MlflowClient(locked.uri).get_model_version_by_alias("m", "rotated").version == "1"


async def test_with_a_token_tags_and_aliases_arrive_and_without_it_they_are_refused(
    server: MlflowServer, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A user name would go before a token.
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD", raising=False)
    with bearer_proxy(server.uri) as uri:
        writer = recorder(uri, secret)
        with pytest.raises(RegistryRefused):
            await writer.record(entry(alias="by-token"), TAG)
        _write(secret, token=TOKEN)
        await writer.record(entry(alias="by-token"), TAG)
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
        assert MlflowClient(uri).get_model_version_by_alias("m", "by-token").version == "1"


@pytest.mark.parametrize("token", ["two\nlines", "süß"])
async def test_a_token_that_no_header_can_hold_is_said_without_it(
    server: MlflowServer, secret: Path, token: str
) -> None:
    _write(secret, token=token)
    with pytest.raises(RegistryAway, match="credentials well formed") as away:
        await recorder(server.uri, secret).record(entry(), TAG)
    assert token not in str(away.value)
