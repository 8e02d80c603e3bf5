"""The last words of a process that could not start: Kubernetes shows this file in `kubectl describe pod`."""

import contextlib
import logging
from pathlib import Path

from penstock_predictor.errors import StartError

_KUBERNETES_LIMIT = 4096
"""Bytes that the kubelet keeps."""

_log = logging.getLogger(__name__)


def report_failure(error: StartError, termination_log: Path) -> None:
    """Say why the process ends, in its log and for the kubelet. On a laptop there is no such file: the log is all."""
    message = f"{type(error).__name__}: {error}"
    _log.error(message)
    with contextlib.suppress(OSError):
        termination_log.write_bytes(message.encode()[:_KUBERNETES_LIMIT])
