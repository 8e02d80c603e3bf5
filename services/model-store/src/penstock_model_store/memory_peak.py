"""How much memory a piece of work took of this process at its highest."""

import ctypes
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
"""What makes the kernel begin the peak anew at what is resident now: proc(5)."""


@dataclass(frozen=True)
class MemoryPeak:
    """Measures from its beginning."""

    before: int | None
    """Bytes that were resident then; None: the kernel does not say."""

    @classmethod
    def begun(cls) -> "MemoryPeak":
        """Begin: what earlier work has freed is given back first, so that nothing is served from it unseen."""
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
        try:
            _CLEAR.write_text(_RESET_PEAK)
        except OSError:
            return cls(before=None)
        return cls(before=_resident("VmRSS"))

    def grown(self) -> int | None:
        """Bytes that were resident at the highest since then, less what was before; None: not to be had."""
        return self._more_than_before("VmHWM")

    def kept(self) -> int | None:
        """Bytes that are resident now, less what was before; None: not to be had."""
        return self._more_than_before("VmRSS")

    def _more_than_before(self, name: str) -> int | None:
        now = _resident(name)
        return None if self.before is None or now is None else max(0, now - self.before)


def _resident(name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
