"""What glibc, where it is the C library, does with memory that was freed. Another C library does as it likes."""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""glibc's numbers for them, as in malloc.h."""
_MIB = 1024 * 1024
_MOST_KEPT = 8 * _MIB
_LARGE = 4 * _MIB


def keep_some() -> None:
    """Keep up to 8 MiB of freed memory at the heap's end for the next request, and pieces under 4 MiB in the heap.

    glibc alone gives back what a body of 600 kB took when the next one is about to take it again: for every request the
    system then clears each page anew.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune:
        tune(_TRIM_THRESHOLD, _MOST_KEPT)
        tune(_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """Return what is free to the system, in the midst of the heap too: loading leaves a MiB or more of it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
