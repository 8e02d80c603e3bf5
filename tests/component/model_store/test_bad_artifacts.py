"""Every artifact of the table, registered with a real MLflow and asked of a real store."""

from pathlib import Path
from typing import Any

import pytest

from penstock_contracts.model_card import GoldenSource, IngestPhase
from penstock_testing.artifacts import BAD_ARTIFACTS, GOOD_ARTIFACTS, Artifact, BadArtifact
from penstock_testing.mlflow_server import MlflowServer, register_folder, register_in_place

Store = Any  # conftest.Store: importlib mode has no module of that name to import from


@pytest.fixture
def artifact_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "artifact"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("artifact", [bad for bad in BAD_ARTIFACTS if bad.travels], ids=lambda bad: bad.name)
def test_a_bad_artifact_from_the_artifact_store_is_refused_with_reason_and_name(
    artifact: BadArtifact, artifact_folder: Path, mlflow: MlflowServer, store: Store
) -> None:
    artifact.build(artifact_folder)
    version = register_folder(mlflow.uri, f"bad-{artifact.name}", artifact_folder)

    status = store.settled(version)

    assert (status.phase, status.reason) == (IngestPhase.REFUSED, artifact.reason), status.message
    assert artifact.names in status.message
    assert status.card is None


@pytest.mark.parametrize("artifact", [bad for bad in BAD_ARTIFACTS if not bad.travels], ids=lambda bad: bad.name)
def test_a_bad_artifact_that_only_a_shared_disk_can_hold_is_refused(
    artifact: BadArtifact, in_place_root: Path, mlflow: MlflowServer, store: Store
) -> None:
    version = register_in_place(mlflow.uri, f"bad-in-place-{artifact.name}", artifact.build, in_place_root)

    status = store.settled(version)

    assert (status.phase, status.reason) == (IngestPhase.REFUSED, artifact.reason), status.message
    assert artifact.names in status.message


@pytest.mark.parametrize("artifact", GOOD_ARTIFACTS, ids=lambda good: good.name)
def test_a_good_artifact_has_the_same_digest_from_both_kinds_of_source(
    artifact: Artifact, artifact_folder: Path, in_place_root: Path, mlflow: MlflowServer, store: Store
) -> None:
    artifact.build(artifact_folder)
    uploaded = store.settled(register_folder(mlflow.uri, f"good-{artifact.name}", artifact_folder))
    in_place = store.settled(
        register_in_place(mlflow.uri, f"good-in-place-{artifact.name}", artifact.build, in_place_root)
    )

    assert uploaded.phase is IngestPhase.READY, uploaded.message
    assert uploaded.card == in_place.card


def test_no_pickle_of_the_table_was_ever_opened_or_kept(store: Store) -> None:
    held = store.client.get("/v1/digests").json()
    cards = [store.client.get(f"/v1/digests/{item['digest']}").json() for item in held]

    assert not Path("/tmp/penstock-unpickled").exists()
    assert not [file["path"] for card in cards for file in card["files"] if file["path"].endswith((".pkl", ".joblib"))]
    assert {card["golden"]["source"] for card in cards} <= {source.value for source in GoldenSource}
