"""Compiles the modules that every request passes through, by mypyc, beside their sources in a folder of packages.

`python compile.py lib` expects `lib/penstock_predictor`, and what it imports installed. Python imports the compiled
form where it is there, and the sources where it is not: both do the same, and tests run on both.
"""

import os
import sys
from tempfile import TemporaryDirectory

from mypyc.build import mypycify
from setuptools import setup

MODULES = (
    # A subclass of a compiled class has to be compiled, too.
    "http/body",
    "http/connection",
    "http/dispatcher",
    "http/exchange",
    "http/feature_predict",
    "http/infer",
    "http/predict",
    "http/reply",
    "http/request_head",
    "http/request_parser",
    "lifecycle",
    "metrics",
    "model/inference",
    "model/run_time_model",
    "model/session",
    "records/batches",
    "records/columns",
    "records/recorder",
    "records/run_queue",
    "serving/batcher",
    "serving/call",
    "serving/run",
    "serving/runtime",
    "tensors/answers",
    "tensors/binary_tensors",
    "tensors/quick_json",
    "tracing/trace",
)


def _main(library: str) -> None:
    os.chdir(library)
    sources = [f"penstock_predictor/{module}.py" for module in MODULES]
    with TemporaryDirectory() as there:
        options = ["--config-file=", "--ignore-missing-imports", f"--cache-dir={there}/mypy"]
        extensions = mypycify(
            [*options, *sources], opt_level="3", group_name="penstock_predictor", target_dir=f"{there}/c"
        )
        script = ["-q", "build_ext", "--inplace", "--build-temp", there, "--build-lib", there]
        setup(name="penstock-predictor", packages=[], ext_modules=extensions, script_args=script)


if __name__ == "__main__":
    _main(sys.argv[1])
