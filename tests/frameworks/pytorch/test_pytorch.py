"""Nets of PyTorch by both exporters, and one of them served. Runs in an environment of its own: make sdk-torch."""

import json
import os
import re
import runpy
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests
import torch
from torch import nn

import penstock
from penstock.conversion import AllowedDifference, converted
from penstock.errors import AnswersDiffer, UnknownKind
from penstock.frameworks.pytorch import PyTorchModel
from penstock.graph import OnnxGraph
from penstock.parity import compared
from penstock.rows import rows_of

ROOT = Path(__file__).parents[3]
PENSTOCK = os.environ.get("PENSTOCK", str(ROOT / ".venv" / "bin" / "penstock"))
BOUND = 1e-6


class TwoInputs(nn.Module):
    """Numbers and a category, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers, self.kinds, self.last = nn.Linear(4, 8), nn.Embedding(10, 8), nn.Linear(8, 1)

    def forward(self, numbers: torch.Tensor, kind: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = torch.sigmoid(self.last(torch.relu(self.numbers(numbers) + self.kinds(kind))))
        return answer


class Recurrent(nn.Module):
    """The last state of a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.steps, self.last = nn.LSTM(3, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.last(self.steps(x)[0][:, -1])
        return answer


class Undecided(nn.Module):
    """Another sign where the rows add up to little: an exporter that traces writes one of the two."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.last(x) if x.sum() > 0 else -self.last(x)
        return answer


def tabular() -> nn.Module:
    return nn.Sequential(
        nn.Linear(4, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 3), nn.Softmax(dim=1)
    )


def images() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


DRAW = np.random.default_rng(0)
TABLE = pd.DataFrame(DRAW.normal(size=(1000, 4)), columns=list("abcd"))
NETS: dict[str, tuple[nn.Module, Any]] = {
    "a table": (tabular(), TABLE),
    "an array": (tabular(), TABLE.to_numpy(np.float32)),
    "a tensor": (tabular(), torch.randn(100, 4)),
    "one row": (tabular(), TABLE.head(1)),
    "images": (images(), DRAW.random((64, 3, 16, 16)).astype(np.float32)),
    "sequences": (Recurrent(), DRAW.normal(size=(200, 7, 3)).astype(np.float32)),
    "two inputs": (TwoInputs(), {"numbers": DRAW.normal(size=(300, 4)), "kind": DRAW.integers(0, 10, 300)}),
}


@pytest.mark.parametrize("way", ["torch.export", "torch.jit.trace"])
@pytest.mark.parametrize("name", NETS)
def test_a_net_answers_alike_by_either_exporter(name: str, way: str) -> None:
    net, given = NETS[name]
    model, rows = PyTorchModel(net), rows_of(given)
    assert way in model.ways
    expected = model.answers(rows)
    graph = OnnxGraph(model.convert(rows, way, tuple(expected)))
    assert graph.inputs[0].shape[0] == -1
    assert compared(expected, graph.answers(rows.feeds(graph.inputs)), 1e-5).differing == 0


def test_a_script_is_written_by_the_exporter_before() -> None:
    script = torch.jit.script(tabular())
    assert PyTorchModel(script).ways == ("torch.jit.trace",)
    assert converted(PyTorchModel(script), rows_of(TABLE), AllowedDifference(of_number=1e-5, of_rows=0)).parity


def test_a_net_that_depends_on_values_is_refused_though_an_exporter_writes_it() -> None:
    with pytest.raises(AnswersDiffer, match=r"Undecided answers otherwise on 1000 of 1000 rows.*depends on values"):
        penstock.log_model(Undecided(), name="undecided", X=TABLE)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """MLflow in a file, which the other environment reads too."""
    import mlflow  # noqa: PLC0415 - slow to import

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    mlflow.set_tracking_uri(uri)
    monkeypatch.syspath_prepend(str(ROOT / "sdk" / "examples"))
    return uri


def test_the_example_is_served_and_answers_a_thousand_rows_alike(registry: str) -> None:
    script = runpy.run_path(str(ROOT / "sdk" / "examples" / "pytorch_net.py"))
    payments, _ = script["draw"](1000, seed=2)
    rows = payments[list(script["X"].columns)].fillna(900)
    with torch.no_grad():
        expected = script["model"].eval()(torch.tensor(rows.to_numpy("float32"))).numpy()

    for address in served("models:/pytorch-net@champion", registry):
        answers = penstock.predict(address, rows, timeout=60).predictions

    difference = float(np.abs(np.array(answers) - expected).max())
    print(f"largest difference of a probability: {difference:.2g}")
    assert difference < BOUND


@pytest.mark.parametrize(
    ("page", "name", "answer"),
    [("pytorch", "pytorch-fraud", r"\[\S+, (0\.[5-9]|1\.0)"), ("images", "quarters", r"\[(0\.9|1\.0)")],
)
def test_a_page_leads_to_an_answer(
    page: str, name: str, answer: str, registry: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text()
    *train, ask = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    Path("train.py").write_text("\n".join(train))
    runpy.run_path("train.py")
    capsys.readouterr()

    for address in served(f"models:/{name}@champion", registry):
        Path("ask.py").write_text(ask.replace(f"http://localhost:8080/payments/{name}", address))
        runpy.run_path("ask.py")

    assert re.match(answer, capsys.readouterr().out)


def served(model: str, registry: str) -> Iterator[str]:
    command = [PENSTOCK, "serve", model, "--port", "0"]
    environment = os.environ | {"MLFLOW_TRACKING_URI": registry, "PENSTOCK_TERMINATION_LOG": os.devnull}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        for line in process.stdout:
            found = re.search(r"http://127\.0\.0\.1:\d+", json.loads(line)["message"])
            if found:
                wait_until_ready(found[0])
                yield found[0]
                return
        raise AssertionError(process.stderr.read())
    finally:
        process.kill()
        process.wait()


def wait_until_ready(address: str) -> None:
    for _ in range(120):
        if requests.get(f"{address}/v2/health/ready", timeout=60).ok:
            return
        time.sleep(0.5)
    raise AssertionError(f"{address} does not get ready")


def test_a_file_with_a_module_is_logged_and_one_with_weights_alone_is_refused(registry: str) -> None:
    torch.save(tabular(), "net.pt")
    torch.save(tabular().state_dict(), "weights.pt")
    torch.jit.script(tabular()).save("script.pt")
    for file in ("net.pt", "script.pt"):
        assert penstock.log_model(file, trust_pickle=True, name="of-a-file", X=TABLE).parity
    with pytest.raises(UnknownKind, match=r"holds the weights of a module.*load_state_dict"):
        penstock.log_model("weights.pt", trust_pickle=True, name="of-a-file", X=TABLE)
