"""Memory that this process has from the system."""

import ctypes


def give_back() -> None:
    """Return what is free to the system, in the midst of the heap too, where glibc is the C library.

    Loading leaves a MiB or more of it. glibc by itself returns only what is free at the end.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
