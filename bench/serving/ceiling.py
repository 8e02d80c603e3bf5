"""`python -m bench.serving.ceiling MODEL ROWS INPUTS SECONDS`: onnxruntime in a loop, and its figures as JSON."""

import json
import sys
import time
from itertools import cycle

from bench.serving.models import models


def main(name: str, rows: int, inputs: int, seconds: float) -> None:
    """Print them."""
    model = models()[name]
    session, taken = model.session, list[int]()
    feeds = cycle([{model.input: example} for example in model.examples(inputs, rows)])
    session.run(None, next(feeds))
    end = time.perf_counter_ns() + int(seconds * 1e9)
    begun = last = time.perf_counter_ns()
    while last < end:
        session.run(None, next(feeds))
        now = time.perf_counter_ns()
        taken.append(now - last)
        last = now
    taken.sort()
    p50, p99 = (taken[int(len(taken) * share)] / 1e6 for share in (0.5, 0.99))
    print(json.dumps({"requests": len(taken), "seconds": (last - begun) / 1e9, "p50": p50, "p99": p99}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
