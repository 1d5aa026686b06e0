"""Memory for frames, used again and again."""

from __future__ import annotations

import math
import mmap
import weakref
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FrameMemory"]

_SLAB = 16 * 2**20
"""Bytes that are asked of the system at once, if frames are smaller."""
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
"""Else it would be memory to share with other processes, of which systems keep accounts of their own."""


class _Lent(weakref.ref["NDArray[np.uint8]"]):
    """A reference to a frame that leads to its memory when it has ended."""

    __slots__ = ("memory",)
    memory: memoryview


class FrameMemory:
    """Memory for frames of one shape. A frame's is used for another as soon as nothing refers to it or to a view.

    The system clears what it gives, which takes as long as to read a frame from a pipe: so it is asked only for what is
    in use at a time. All goes back to it when the last frame is gone, and this too. Frames may end in any thread;
    ``frame`` is for one at a time.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._bytes = math.prod(shape)
        self._free: list[memoryview] = []
        self._lent: dict[int, _Lent] = {}
        # Appending is a single step in C, wherever a frame ends: an exception that a signal raises is never lost in it,
        # as in a callback in Python.
        self._ended: deque[weakref.ref[NDArray[np.uint8]]] = deque()

    def frame(self) -> NDArray[np.uint8]:
        """An array of uint8, writable, with whatever numbers in it.

        Raises:
            MemoryError: the system has no more.
        """
        while self._ended:
            self._free.append(self._lent.pop(id(self._ended.popleft())).memory)
        if not self._free:
            self._free = self._slab()
        memory = self._free.pop()
        # Views of views refer to the first array that refers to no other one: this.
        owner = np.frombuffer(memory, np.uint8)
        lent = _Lent(owner, self._ended.append)
        lent.memory = memory
        self._lent[id(lent)] = lent
        return owner.reshape(self._shape)

    def copy_of(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A frame like another one."""
        copy = self.frame()
        copy[...] = frame
        return copy

    def _slab(self) -> list[memoryview]:
        stride = -(-self._bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        count = max(1, _SLAB // stride)
        try:
            whole = memoryview(mmap.mmap(-1, count * stride, **_PRIVATE))
        except OSError as error:
            raise MemoryError(f"no {count * stride} bytes for frames") from error
        return [whole[place * stride :][: self._bytes] for place in range(count)]
