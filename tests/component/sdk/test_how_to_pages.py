"""The pages that show how to serve a kind of model: their Python, run in its order, ends in an answer."""

import re
import runpy
from pathlib import Path

import mlflow
import pytest

from penstock_testing.code_blocks import code_blocks

from .conftest import Serving


@pytest.mark.parametrize(
    ("page", "name", "answer"),
    [
        ("boosted-trees", "lightgbm-fraud", "1 "),
        ("boosted-trees", "xgboost-fraud", "1 "),
        ("text", "note-triage", "look at it"),
    ],
)
def test_a_page_leads_to_an_answer(
    *,
    page: str,
    name: str,
    answer: str,
    workplace: Path,
    client: mlflow.MlflowClient,
    serving: Serving,
    capsys: pytest.CaptureFixture[str],
) -> None:
    *train, ask = [block.text for block in code_blocks("python") if block.page == f"docs/how-to/{page}.md"]
    (workplace / "train.py").write_text("\n".join(train))
    runpy.run_path("train.py")
    version = client.get_model_version_by_alias(name, "champion").version
    capsys.readouterr()

    with serving(f"models:/{name}/{version}") as address:
        (workplace / "ask.py").write_text(re.sub(r"http://localhost:8080/payments/[a-z-]+", address, ask))
        runpy.run_path("ask.py")

    assert capsys.readouterr().out.startswith(answer)
