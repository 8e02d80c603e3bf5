"""What the gate `preflight` says of two real models, by what a real store found when it checked them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock_contracts.api.analysis import Analysis
from penstock_contracts.api.status import ModelDeploymentStatus, Stable
from penstock_contracts.api.v1alpha1 import RegistryRef
from penstock_contracts.model_card import IngestPhase
from penstock_contracts.verdict import Verdict
from penstock_controller.adapters.model_store import HttpModelStore
from penstock_controller.gates.catalogue import preflight_of
from penstock_controller.gates.evidence import ComparedCards, Evidence, MissingEvidence
from penstock_controller.gates.gate import Judgement
from penstock_controller.rollout.observation import RegistryVersion, Wanted
from penstock_controller.targets import Targets
from penstock_controller.workload.placement import Placement
from penstock_testing import tiny_models
from penstock_testing.artifacts import write_metadata
from penstock_testing.mlflow_server import MlflowServer, RegisteredVersion, register_folder

Store = Any  # conftest.Store: importlib mode has no module of that name to import from
Build = Callable[[Path], Path]


def registered(mlflow: MlflowServer, folder: Path, name: str, build: Build) -> RegisteredVersion:
    folder.mkdir()
    build(folder / "model.onnx")
    write_metadata(folder)
    return register_folder(mlflow.uri, name, folder)


def asked(
    store: Store, candidate: RegisteredVersion, digest: str, served: str
) -> ComparedCards | MissingEvidence | None:
    """What a controller that has just started learns of the two: it remembers no card yet."""

    async def ask() -> ComparedCards | MissingEvidence | None:
        async with httpx.AsyncClient(base_url=store.client.base_url, timeout=10) as client:
            adapter = HttpModelStore(client, keeper="test")
            targets = Targets(adapter, Placement(image="predictor:1", store_url=str(store.client.base_url)))
            version = RegistryVersion(version=candidate.version, created_at_ms=candidate.created_at_ms)
            status = await adapter.ingest(RegistryRef(model=candidate.model, alias="champion"), version)
            assert status.phase is IngestPhase.READY
            wanted = Wanted(
                version=candidate.version, created_at_ms=candidate.created_at_ms, digest=digest, revision="rev2"
            )
            stable = Stable(revision="rev1", version="1", digest=served, since="2026-01-01T00:00:00Z")
            return await targets.compared_cards(ModelDeploymentStatus(stable=stable), wanted)

    return asyncio.run(ask())


def judged(found: ComparedCards | MissingEvidence | None, **entry: object) -> Judgement:
    gate = preflight_of(Analysis.model_validate({"gates": [{"name": "preflight", **entry}]}))
    assert gate
    if isinstance(found, ComparedCards):
        return gate.judge(Evidence(parts=(found,)), "2")
    assert found
    return gate.judge(Evidence(missing={ComparedCards: found}), "2")


@pytest.fixture
def compare(store: Store, mlflow: MlflowServer, tmp_path: Path) -> Callable[[Build, Build], Any]:
    def compared(stable: Build, candidate: Build) -> Any:
        name = tmp_path.name
        one = registered(mlflow, tmp_path / "stable", name, stable)
        two = registered(mlflow, tmp_path / "candidate", name, candidate)
        first, second = (store.settled(version).card for version in (one, two))
        assert first
        assert second
        return asked(store, two, second.digest, first.digest)

    return compared


def test_a_model_of_the_same_tensors_is_compatible_and_what_it_costs_is_shown(
    compare: Callable[[Build, Build], Any],
) -> None:
    found = compare(lambda file: tiny_models.scaled(file, 2.0), lambda file: tiny_models.scaled(file, 3.0))
    judgement = judged(found, maxSize="1Mi", maxLatency="10s", maxMemory="1Gi")
    assert (judgement.verdict, judgement.reason) == (Verdict.PASS, "Compatible"), judgement.message
    figures = {figure.name: figure for figure in judgement.seen.figures}
    assert figures.keys() == {"bytes", "load seconds", "golden request seconds", "memory bytes"}
    assert all(figure.candidate > 0 and figure.stable for figure in figures.values())


def test_a_model_with_another_input_tensor_is_refused_by_its_name(compare: Callable[[Build, Build], Any]) -> None:
    found = compare(lambda file: tiny_models.scaled(file, 2.0), tiny_models.two_inputs)
    judgement = judged(found)
    assert (judgement.verdict, judgement.reason) == (Verdict.FAIL, "Incompatible")
    assert "input 'b' (INT64 [-1, 1]) is new" in judgement.message
    assert "input 'x' is named 'a' now" in judgement.message


def test_a_model_that_takes_one_row_only_is_refused_where_stable_takes_any(
    compare: Callable[[Build, Build], Any],
) -> None:
    judgement = judged(compare(lambda file: tiny_models.scaled(file, 2.0), tiny_models.one_row))
    assert judgement.verdict is Verdict.FAIL
    assert "input 'x' takes shape [1, 2], stable's takes [-1, 2]" in judgement.message


def test_golden_answers_to_the_same_request_are_compared_where_that_is_asked_for(
    compare: Callable[[Build, Build], Any],
) -> None:
    found = compare(lambda file: tiny_models.scaled(file, 2.0), lambda file: tiny_models.scaled(file, 2.1))
    assert judged(found, goldenTolerance="10%").verdict is Verdict.PASS
    far = judged(found, goldenTolerance="1%")
    assert (far.verdict, far.reason) == (Verdict.FAIL, "GoldenDiffers")
    assert "output 'y'" in far.message


def test_a_stable_that_the_store_has_lost_leaves_it_undecided_until_the_version_is_accepted(
    store: Store, mlflow: MlflowServer, tmp_path: Path
) -> None:
    version = registered(mlflow, tmp_path / "m", tmp_path.name, lambda file: tiny_models.scaled(file, 2.0))
    card = store.settled(version).card
    found = asked(store, version, card.digest, "sha256:" + "0" * 64)
    judgement = judged(found)
    assert (judgement.verdict, judgement.reason) == (Verdict.INCONCLUSIVE, "NotComparable")
    assert "acceptVersion: 1" in judgement.message
    assert judged(found, acceptVersion="2").verdict is Verdict.PASS
