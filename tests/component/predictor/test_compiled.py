"""These tests run on what the image runs: the compiled form, in this process and in those that they start."""

import subprocess
import sys
from pathlib import Path

from penstock_predictor.http import connection
from penstock_predictor.serving import batcher

UNIT_TESTS = Path(__file__).parents[2] / "unit" / "predictor"
ASK = "from penstock_predictor.serving import batcher; print(batcher.__file__)"


def test_the_predictor_in_this_process_is_compiled() -> None:
    assert batcher.__file__.endswith(".so")
    assert connection.__file__.endswith(".so")


def test_a_predictor_that_a_test_starts_is_compiled() -> None:
    told = subprocess.run([sys.executable, "-c", ASK], check=True, timeout=60, capture_output=True, text=True)
    assert told.stdout.strip().endswith(".so")


def test_the_compiled_readers_and_writers_of_tensors_pass_their_unit_tests() -> None:
    """Where a library's declared type is not true, plain Python goes on, and a compiled reader refuses or is slow."""
    units = UNIT_TESTS / "tensors"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(units)]
    done = subprocess.run(command, check=False, timeout=300, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
