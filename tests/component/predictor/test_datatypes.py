"""Every tensor type through real onnxruntime and back, as JSON."""

from pathlib import Path
from typing import Any

import pytest

from penstock_testing import tiny_models

from .conftest import StartApp

VALUES: dict[str, list[Any]] = {
    "BOOL": [True, False],
    "UINT8": [0, 255],
    "UINT16": [0, 65535],
    "UINT32": [0, 2**32 - 1],
    "UINT64": [0, 2**64 - 1],
    "INT8": [-128, 127],
    "INT16": [-32768, 32767],
    "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**63 - 1],
    "FP16": [0.5, None],
    "FP32": [-2.5, None],
    "FP64": [1e308, None],
    "BYTES": ["", "née \U0001f600 \0 \n"],
}


@pytest.mark.parametrize("datatype", VALUES)
async def test_what_goes_in_comes_out(datatype: str, tmp_path: Path, start_app: StartApp) -> None:
    tiny_models.echo(tmp_path / "model.onnx", datatype)
    tensor = {"name": "x", "datatype": datatype, "shape": [2], "data": VALUES[datatype]}
    async with start_app(tmp_path) as app:
        answer = await app.client.post("/v2/models/model/infer", json={"inputs": [tensor]})
        metadata = await app.client.get("/v2/models/model")
    assert answer.json()["outputs"] == [tensor | {"name": "y"}]
    assert metadata.json()["inputs"] == [{"name": "x", "datatype": datatype, "shape": [-1]}]
