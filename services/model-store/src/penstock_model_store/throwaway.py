"""Processes that live for one artifact, and are ended with everything they started when their time is over."""

import asyncio
import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from penstock_model_store.errors import (
    CrashedOnOpen,
    IngestError,
    OpenKilled,
    OpenStarved,
    OpenTimeLimitExceeded,
    PullCrashed,
    PullTimeLimitExceeded,
    RuntimeLacks,
    StoreFault,
    error_named,
    store_full,
    too_much_memory,
)
from penstock_model_store.inspection import Inspection, InspectionJob, InspectionOutcome
from penstock_model_store.limits import WALL_FACTOR, Limits
from penstock_model_store.pull_job import CANONICAL_EXAMPLE, MODEL_FOLDER, Pulled, PullJob, PullOutcome

_STDERR_SHOWN = 300
_ANSWER_BYTES = 64 * 2**20
_ANSWER_NEEDS = 2**20
_OPENER_ENVIRONMENT = {
    "ORT_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "LANG": "C.UTF-8",
}
"""All that the opening process sees, with _PASSED_ON: no credentials."""
_PASSED_ON = ("LOCPATH",)
"""Where a machine has its locales."""


_MLFLOW_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",
    # Who registers a version names a bucket: the node's own role must not open it unless an administrator says so.
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""For the fetching processes, where the administrator has not set another value."""


class MissingData(Exception):
    """The model keeps tensors in files that are not there yet."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(", ".join(names))
        self.names = names


class Puller:
    """Fetches versions, each in a process forked from one that has MLflow's client (seconds to import) ready."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        for name, value in _MLFLOW_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["penstock_model_store.pull"])

    async def warm_up(self) -> None:
        """Start importing MLflow's client; does not wait for it."""
        await asyncio.to_thread(forkserver.ensure_running)

    async def pull(self, job: PullJob) -> Pulled:
        """Fetch; raises IngestError."""
        answer = job.folder / "pulled.json"
        answer.unlink(missing_ok=True)
        process = self._context.Process(target=_pull, args=(job, answer), daemon=True)
        await asyncio.to_thread(process.start)
        try:
            async with asyncio.timeout(self._seconds):
                await _ended(process)
        except TimeoutError as error:
            raise PullTimeLimitExceeded(
                f"version {job.version} of {job.model} was not fetched within {self._seconds:g} s: is the registry "
                "slow, or the limit too low (PENSTOCK_STORE_PULL_SECONDS)?"
            ) from error
        finally:
            _end_group(process.pid)
            process.join()
        return _pulled(answer, process.exitcode)


class Opener:
    """Opens models, each in a throw-away process, one at a time: two could need twice the memory that is allowed."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._turn = asyncio.Lock()

    async def open(self, folder: Path, pulled: Pulled) -> Inspection:
        """Open the model that was fetched into a folder.

        Raises MissingData when data files must be fetched first, ArtifactRefused for a bad model.
        """
        async with self._turn:
            code = await self._run(folder, pulled)
        outcome = _outcome(folder, code, pulled.model)
        if outcome.missing:
            raise MissingData(outcome.missing)
        if outcome.inspection is None:
            raise error_named(outcome.reason, outcome.message)
        return outcome.inspection

    async def _run(self, folder: Path, pulled: Pulled) -> int:
        job = InspectionJob(
            model=folder / MODEL_FOLDER / pulled.model,
            example=folder / pulled.example if pulled.example else None,
            canonical_example=folder / CANONICAL_EXAMPLE,
            signature_inputs=pulled.signature_inputs,
            memory_bytes=self._limits.open_memory_bytes,
            cpu_seconds=self._limits.open_seconds,
        )
        (folder / "inspection.json").write_text(job.model_dump_json())
        with (folder / "opened.json").open("wb") as answer, (folder / "opened.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "penstock_model_store.opening_process", str(folder / "inspection.json")),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=answer,
                stderr=log,
                env=_OPENER_ENVIRONMENT | {name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                start_new_session=True,
            )
            try:
                async with asyncio.timeout(WALL_FACTOR * self._limits.open_seconds):
                    return await process.wait()
            except TimeoutError as error:
                raise OpenStarved(
                    f"{pulled.model} was not opened within {WALL_FACTOR * self._limits.open_seconds} s, with less than "
                    f"{self._limits.open_seconds} s of a processor: the node is too busy; it is tried again"
                ) from error
            finally:
                _end_group(process.pid)
                await process.wait()


def _pull(job: PullJob, answer: Path) -> None:
    from penstock_model_store.pull import run  # noqa: PLC0415 - MLflow belongs into the forked process only

    run(job, answer)


def _pulled(answer: Path, code: int | None) -> Pulled:
    if code != 0 or not answer.exists():
        if _is_full(answer.parent):
            raise store_full()
        raise PullCrashed(f"the fetching process ended with code {code} and no answer: see the store's log")
    outcome = PullOutcome.model_validate_json(answer.read_text())
    if outcome.pulled is None:
        raise error_named(outcome.reason, outcome.message)
    return outcome.pulled


async def _ended(process: ForkServerProcess) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(process.sentinel, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(process.sentinel)


def _end_group(pid: int | None) -> None:
    """End a process with all it started: it leads a group of its own. No group: it is gone, or has not yet made one."""
    if pid is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _outcome(folder: Path, code: int, model: str) -> InspectionOutcome:
    answer = folder / "opened.json"
    if code == 0 and answer.stat().st_size < _ANSWER_BYTES:
        return InspectionOutcome.model_validate_json(answer.read_text())
    if code > 0 and _is_full(folder):
        raise store_full()
    raise _from_exit(code, (folder / "opened.log").read_bytes()[-_STDERR_SHOWN:].decode(errors="replace"), model)


def _is_full(folder: Path) -> bool:
    """Whether the answer of a process had no room: only then is its end not its own."""
    return shutil.disk_usage(folder).free < _ANSWER_NEEDS


def _from_exit(code: int, log: str, model: str) -> IngestError:
    if "bad_alloc" in log or "MemoryError" in log:
        return too_much_memory(model)
    if code > 0:
        return StoreFault(f"the process that opened {model} ended with code {code}: {' '.join(log.split())}")
    return _from_signal(-code, log, model)


def _from_signal(number: int, log: str, model: str) -> IngestError:
    match number:
        case signal.SIGXCPU:
            return _too_slow(model)
        case signal.SIGKILL:
            return OpenKilled(
                f"the kernel ended the process that opened {model}: the store's container or its node ran out of "
                "memory. Raise modelStore.resources.limits.memory; it is tried again"
            )
        case signal.SIGILL:
            return RuntimeLacks(
                f"onnxruntime uses an instruction on {model} that this node's processor lacks: nothing is wrong with "
                "the model, move the model store to another node; it is tried again"
            )
        case _:
            shown = " ".join(log.split())
            return CrashedOnOpen(f"onnxruntime crashed on {model} (signal {number}): {shown}; export it again")


def _too_slow(model: str) -> OpenTimeLimitExceeded:
    return OpenTimeLimitExceeded(
        f"opening {model} and answering its golden request takes longer than the store allows: make the model lighter, "
        "or raise the limit (modelStore.openSeconds, PENSTOCK_STORE_OPEN_SECONDS): it is judged anew then"
    )
