"""What parts say of their build is what the project says."""

import pytest

from penstock_contracts.build import REVISION_VARIABLE, VERSION, build_labels
from penstock_contracts.metric_names import BUILD_INFO, METRICS
from penstock_testing.platform import ROOT

PARTS = sorted({metric.part for metric in METRICS} - {"every"})


def folder(part: str) -> str:
    return part if part == "controller" else f"services/{part}"


@pytest.mark.parametrize("part", PARTS)
def test_an_image_tells_the_commit_that_it_is_made_from(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dockerfile = (ROOT / folder(part) / "Dockerfile").read_text()
    assert f"ARG REVISION=\nENV {REVISION_VARIABLE}=${{REVISION}}\n" in dockerfile.rpartition("\nFROM ")[2]
    monkeypatch.setenv(REVISION_VARIABLE, "0a1b2c")
    labels = dict(zip(BUILD_INFO.labels, build_labels(part), strict=True))
    assert (labels["part"], labels["version"], labels["revision"]) == (part, VERSION, "0a1b2c")
