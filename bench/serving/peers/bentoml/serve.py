"""BentoML: started as its documentation says, on loopback."""

import argparse
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    for option in ("--port", "--workers", "--batch", "--wait-ms"):
        parser.add_argument(option, type=int)
    told = parser.parse_args()
    os.environ |= {
        "MODEL": told.model,
        "WORKERS": str(told.workers),
        "BATCH": str(told.batch),
        "WAIT_MS": str(told.wait_ms),
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(Path.cwd() / "bentoml"),
        "BENTOML_CONFIG_OPTIONS": "api_server.logging.access.enabled=false api_server.metrics.enabled=true",
    }
    os.chdir(Path(__file__).parent)
    program = str(Path(sys.executable).with_name("bentoml"))
    options = ["--host", "127.0.0.1", "--port", str(told.port)]
    os.execv(program, [program, "serve", "service:Served", *options])  # noqa: S606
