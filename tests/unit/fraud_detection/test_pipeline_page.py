"""What the page about the pipeline says: its commands are run, and its example is what the program prints."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from fraud_detection.rollout_outcome import Awaited, NotPromotedError, await_promotion
from penstock_testing.code_blocks import CodeBlock, code_blocks
from penstock_testing.platform import ROOT

PAGE = "docs/how-to/pipeline.md"


def block(language: str, within: str) -> CodeBlock:
    (found,) = (each for each in code_blocks(language) if each.page == PAGE and within in each.text)
    return found


def test_the_copied_folder_is_a_repository_whose_workflow_github_finds(tmp_path: Path) -> None:
    somebody = {f"GIT_{who}_{what}": "a@b.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block("sh", "cp -R").text],
        cwd=ROOT,
        env=os.environ | somebody | {"HOME": str(tmp_path)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    command = ["git", "ls-files"]
    repository = tmp_path / "fraud-detection"
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True, timeout=60)
    files = listed.stdout.split()
    assert {".github/workflows/ml-pipeline.yml", "Dockerfile", "Makefile", "requirements.txt", "train.py"} <= set(files)
    assert [name for name in files if name.startswith((".venv/", "build/"))] == []


def test_the_rollback_is_shown_as_it_is_printed() -> None:
    shown = block("text", "was not promoted").text
    outcome = {
        "completion": "RolledBack",
        "reason": "GateFailed",
        "message": shown.splitlines()[-1].strip(),
        "endedAt": "2026-01-01T12:00:00Z",
        "attempt": 7,
        "resource": "payments/fraud-detector",
    }
    tags = {"penstock.payments.fraud-detector": json.dumps(outcome)}
    awaited = Awaited(model="fraud-detector", version="8", resource="payments/fraud-detector")
    with pytest.raises(NotPromotedError) as caught:
        await_promotion(awaited, lambda: tags, lambda: False)
    assert f"{caught.value}\n" == shown
