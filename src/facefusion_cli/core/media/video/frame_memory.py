"""Memory for frames, used again and again."""

from __future__ import annotations

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


class FrameMemory:
    """Memory for frames of one size. A frame's is used for another as soon as nothing refers to it or to a view.

    The system clears what it gives, which takes as long as to read a frame from a pipe: so it is asked only for what is
    in use at a time. All goes back to it when the last frame is gone, and this too. Frames may end in any thread;
    ``frame`` is for one at a time.
    """

    def __init__(self, height: int, width: int) -> None:
        self._shape = height, width, 3
        self._bytes = height * width * 3
        self._free: deque[memoryview] = deque()

    def frame(self) -> NDArray[np.uint8]:
        """A (height, width, 3) uint8 array, writable, with whatever numbers in it."""
        if not self._free:
            self._free.extend(self._slab())
        room = self._free.pop()
        # Views of views refer to the first array that refers to no other one: this.
        owner = np.frombuffer(room, np.uint8)
        weakref.finalize(owner, self._free.append, room).atexit = False
        return owner.reshape(self._shape)

    def copy_of(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A frame like another one."""
        copy = self.frame()
        copy[...] = frame
        return copy

    def _slab(self) -> list[memoryview]:
        stride = -(-self._bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        count = max(1, _SLAB // stride)
        whole = memoryview(mmap.mmap(-1, count * stride, **_PRIVATE))
        return [whole[place * stride :][: self._bytes] for place in range(count)]
