"""What the C library does with memory that is given back to it."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import platform
import sys
from pathlib import Path

__all__ = ["give_back_freed", "limit_heaps", "peak_memory"]

# Of malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

_LARGE = 16 * 2**20
"""Bytes. With 32 MiB a swap of a video was no quicker, and took 500 MiB more."""
_KEPT = 64 * 2**20


@functools.cache
def limit_heaps() -> None:
    """Have blocks that are larger than 16 MiB returned to the system as soon as they are freed, for this process, once.

    glibc raises that limit by itself to the size of what was freed before, up to 32 MB, and keeps what is smaller in
    heaps, one a thread, which grow from one picture to the next. A lower one costs: what a network needs in each run
    would be asked of the system each time, which clears it: up to a fifth of the time of a swap. Elsewhere than with
    glibc nothing is changed.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT)


def give_back_freed() -> None:
    """Return what lies free in the heaps of all threads to the system; some milliseconds. With glibc only.

    Between two pieces of work of a process that does many: heaps full of holes grow from one to the next.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def peak_memory() -> int:
    """Most bytes that this process has had in memory at a time since it began; 0 where the system does not tell."""
    # On Linux ``getrusage`` would begin with what the process had that this one was started from.
    with contextlib.suppress(OSError), Path("/proc/self/status").open("rb") as file:
        for line in file:
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
