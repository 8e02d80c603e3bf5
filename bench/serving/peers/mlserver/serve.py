"""MLServer with a runtime of one's own, V2 over HTTP."""

import argparse
import json
import os
import shutil
import socket
import sys
from pathlib import Path


def free_port() -> int:
    """For gRPC and metrics, which nobody asks here."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    for option in ("--port", "--workers", "--batch", "--wait-ms"):
        parser.add_argument(option, type=int)
    told = parser.parse_args()
    folder = Path.cwd() / f"mlserver-{told.port}"
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("runtime.py"), folder)
    server = {
        "host": "127.0.0.1",
        "http_port": told.port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": told.workers,
        "debug": False,
        "gzip_enabled": False,
    }
    model = {
        "name": "model",
        "implementation": "runtime.Onnx",
        "max_batch_size": told.batch,
        "max_batch_time": told.wait_ms / 1000,
        "parameters": {"uri": told.model},
    }
    (folder / "settings.json").write_text(json.dumps(server))
    (folder / "model-settings.json").write_text(json.dumps(model))
    os.chdir(folder)
    program = str(Path(sys.executable).with_name("mlserver"))
    os.execv(program, [program, "start", "."])  # noqa: S606
