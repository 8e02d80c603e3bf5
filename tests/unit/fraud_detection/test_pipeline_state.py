"""What a step leaves, the next one reads; what is not there is told with the step to run."""

from pathlib import Path

import pytest

from fraud_detection import pipeline_state
from fraud_detection.pipeline_state import StepMissingError, VersionRef


def test_a_version_is_read_as_it_was_left(tmp_path: Path) -> None:
    version = VersionRef(model="fraud-detector", version="8", run_id="abc")
    pipeline_state.write(tmp_path / "build" / "trained.json", version)
    assert pipeline_state.read_version(tmp_path / "build" / "trained.json", written_by="train.py") == version


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"model": "fraud-detector"}'])
def test_a_step_that_has_not_come_to_its_end_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "trained.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(StepMissingError, match=r"trained\.json names no version .* run train\.py first"):
        pipeline_state.read_version(file, written_by="train.py")
