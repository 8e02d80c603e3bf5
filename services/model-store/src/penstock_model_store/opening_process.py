"""Opens a model for the first time. Runs in a throw-away process with limits, and no secret in its environment.

`python -I -m penstock_model_store.opening_process JOB`, JOB being the path of an InspectionJob as JSON; the answer is
an InspectionOutcome as JSON on standard output. The limits are set before anything is imported that reads the artifact.
They bound what a bad model costs; they are no sandbox against a flaw in onnxruntime itself.
"""

import contextlib
import ctypes
import os
import resource
import sys
from pathlib import Path

from penstock_model_store.inspection import InspectionJob
from penstock_model_store.tether import tether

_ANSWER_BYTES = 64 * 2**20
_PR_SET_NO_NEW_PRIVS = 38


def main(job_path: str) -> None:
    """Set limits, open, answer."""
    job = InspectionJob.model_validate_json(Path(job_path).read_text())
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    confine(job)
    from penstock_model_store.opening import opened_outcome  # noqa: PLC0415 - under the limits set above

    answer.write(opened_outcome(job).model_dump_json())
    answer.close()
    # Without the interpreter's shutdown: threads of a hostile session must not keep the process.
    os._exit(0)


def confine(job: InspectionJob) -> None:
    """Bound memory, CPU time and written bytes of this process, and end it with its parent."""
    tether()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_ANSWER_BYTES, _ANSWER_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (job.cpu_seconds, job.cpu_seconds + 5))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (job.memory_bytes, job.memory_bytes))
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # Should memory run out all the same, the kernel takes this process, not the store.
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    main(sys.argv[1])
