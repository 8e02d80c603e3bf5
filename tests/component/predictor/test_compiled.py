"""These tests run on what the image runs: the compiled form, in this process and in those that they start."""

import subprocess
import sys

from penstock_predictor.http import protocol
from penstock_predictor.serving import batcher

ASK = "from penstock_predictor.serving import batcher; print(batcher.__file__)"


def test_the_predictor_in_this_process_is_compiled() -> None:
    assert batcher.__file__.endswith(".so")
    assert protocol.__file__.endswith(".so")


def test_a_predictor_that_a_test_starts_is_compiled() -> None:
    told = subprocess.run([sys.executable, "-c", ASK], check=True, timeout=60, capture_output=True, text=True)
    assert told.stdout.strip().endswith(".so")
