"""What the C library does with memory that is given back to it."""

from __future__ import annotations

import ctypes
import functools
import platform
import sys

__all__ = ["give_back_frames", "give_back_freed", "peak_memory"]

# Of malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

_FRAME = 5 * 2**20
"""Bytes: below those of a frame of 1080p, above what is needed for a face in it, which is wanted again and again."""
_KEPT = 64 * 2**20


@functools.cache
def give_back_frames() -> None:
    """Have blocks as large as frames returned to the system as soon as they are freed, for this process, once.

    glibc raises that limit by itself to the size of what was freed before, up to 32 MB, and then keeps frames in heaps,
    one a thread, which grow from one piece of a video to the next. What is smaller stays in heaps: to ask the system
    for it each time would take as long as all that is done with it. Elsewhere than with glibc nothing is changed.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _FRAME)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT)


def give_back_freed() -> None:
    """Return what lies free in the heaps of all threads to the system; some milliseconds. With glibc only.

    Between two pieces of work of a process that does many: heaps full of holes grow from one to the next.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def peak_memory() -> int:
    """Most bytes that this process has had in memory at a time since it began; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
