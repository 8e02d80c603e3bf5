"""Memory that was freed is there for the next request."""

import subprocess
import sys

FAULTS = """
import resource, sys
from penstock_predictor import heap
if sys.argv[1] == "kept":
    heap.keep_some()
def take():
    rooms = [bytearray(600_000) for _ in range(4)]
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    del rooms
    return faults
take()
first = take()
for _ in range(20):
    last = take()
print(last - first)
"""


def faults(kind: str) -> int:
    """Pages that the system cleared while 20 times four pieces of 600 kB were taken and freed."""
    done = subprocess.run([sys.executable, "-c", FAULTS, kind], check=True, capture_output=True, timeout=30)
    return int(done.stdout)


def test_pieces_of_a_body_s_size_are_taken_again_without_new_pages() -> None:
    assert faults("kept") < 100 < faults("as it was")
