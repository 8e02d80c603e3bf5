"""FastAPI, uvicorn and onnxruntime, as a good developer writes them at first."""

import argparse
import os
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel


class Rows(BaseModel):
    """The body."""

    rows: list[list[float]]


def session(model: str, threads: int) -> onnxruntime.InferenceSession:
    """Return the model, loaded."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def application() -> FastAPI:
    """Return it for the model that the environment names: each worker calls this."""
    app = FastAPI()
    model = session(os.environ["MODEL"], int(os.environ["THREADS"]))
    name = model.get_inputs()[0].name

    def predict(body: Rows) -> dict[str, Any]:
        outputs: Any = model.run(None, {name: np.array(body.rows, dtype=np.float32)})
        label, probabilities = outputs
        return {"label": label.tolist(), "probabilities": probabilities.tolist()}

    async def predict_at_once(body: Rows) -> dict[str, Any]:
        return predict(body)

    app.post("/predict")(predict if os.environ["IN_THREAD"] == "1" else predict_at_once)

    @app.post("/tensor")
    async def tensor(request: Request) -> Response:
        image = np.frombuffer(await request.body(), dtype=np.float32).reshape(-1, 3, 224, 224)
        outputs: Any = model.run(None, {name: image})
        [probabilities] = outputs
        return Response(probabilities.tobytes(), media_type="application/octet-stream")

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    for option in ("--port", "--threads", "--in-thread", "--workers"):
        parser.add_argument(option, type=int)
    told = parser.parse_args()
    os.environ |= {"MODEL": told.model, "THREADS": str(told.threads), "IN_THREAD": str(told.in_thread)}
    uvicorn.run(
        "serve:application",
        factory=True,
        host="127.0.0.1",
        port=told.port,
        workers=told.workers,
        access_log=False,
        log_level="warning",
    )
