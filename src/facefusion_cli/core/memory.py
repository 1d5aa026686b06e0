"""What the C library does with memory that is given back to it."""

from __future__ import annotations

import ctypes
import functools
import platform

__all__ = ["give_back_large_blocks"]

_M_MMAP_THRESHOLD = -3  # of malloc.h
_LARGE = 2**20


@functools.cache
def give_back_large_blocks() -> None:
    """Have blocks of a megabyte and more returned to the system as soon as they are freed, for this process, once.

    glibc raises that limit by itself to the size of what was freed before, up to 32 MB, and then keeps pictures in
    heaps, one a thread, which grow from one piece of a video to the next. Elsewhere nothing is done.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
