"""Memory for frames that is used again."""

from __future__ import annotations

import errno
import mmap
import threading
import weakref
from types import BuiltinMethodType

import numpy as np
import pytest

from facefusion_cli.core.media.video import frame_memory as module
from facefusion_cli.core.media.video.frame_memory import FrameMemory


def address(frame: np.ndarray) -> int:
    return int(frame.ctypes.data)


def test_frames_are_apart_and_whole() -> None:
    memory = FrameMemory((5, 7, 3))
    frames = [memory.frame() for _ in range(50)]
    for number, frame in enumerate(frames):
        assert frame.shape == (5, 7, 3)
        assert frame.dtype == np.uint8
        assert frame.flags.writeable
        assert frame.flags.c_contiguous
        frame[...] = number
    for number, frame in enumerate(frames):
        assert (frame == number).all()


@pytest.mark.parametrize("slab", [1, 2**16])
def test_memory_is_used_again(slab: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SLAB", slab)
    memory = FrameMemory((40, 30, 3))
    held = [memory.frame() for _ in range(3)]
    known = {address(frame) for frame in held}
    for _ in range(20):
        held.pop(0)
        held.append(memory.frame())
        known.add(address(held[-1]))
    assert len(known) <= 4


@pytest.mark.parametrize(
    "part_of",
    [
        lambda frame: frame[1:3],
        lambda frame: frame[..., 0].T,
        lambda frame: frame.reshape(-1)[5:].view(np.int8),
        lambda frame: memoryview(frame)[2:],
        lambda frame: np.frombuffer(frame.data.cast("B"), np.uint8),
    ],
)
def test_what_a_view_shows_is_not_taken(part_of: object) -> None:
    assert callable(part_of)
    memory = FrameMemory((4, 6, 3))
    frame = memory.frame()
    frame[...] = 7
    view = part_of(frame)
    where = address(frame)
    del frame
    others = [memory.frame() for _ in range(2000)]
    for other in others:
        other[...] = 9
    assert where not in {address(other) for other in others}
    assert (np.asarray(view) == 7).all()


def test_a_copy_is_another_frame() -> None:
    memory = FrameMemory((4, 6, 3))
    frame = memory.frame()
    frame[...] = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    copy = memory.copy_of(frame)
    assert (copy == frame).all()
    copy[...] = 0
    assert frame.any()


def test_frames_outlive_what_gave_them() -> None:
    memory = FrameMemory((4, 6, 3))
    frame = memory.frame()
    frame[...] = 3
    gone = weakref.ref(memory)
    del memory
    assert gone() is None
    assert (frame == 3).all()


def test_frames_end_in_other_threads() -> None:
    memory = FrameMemory((4, 6, 3))
    frames = [memory.frame() for _ in range(8)]
    known = {address(frame) for frame in frames}

    def end() -> None:
        while frames:
            frames.pop()

    thread = threading.Thread(target=end)
    thread.start()
    thread.join()
    again = [memory.frame() for _ in range(8)]
    assert {address(frame) for frame in again} == known


def test_lack_of_memory_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(mmap, "mmap", full)
    with pytest.raises(MemoryError):
        FrameMemory((4, 6, 3)).frame()


def test_no_python_code_runs_where_a_frame_ends() -> None:
    """An exception that a signal raises in it would be lost, and the work go on."""
    frame = FrameMemory((4, 6, 3)).frame()
    callbacks = [reference.__callback__ for reference in weakref.getweakrefs(frame.base)]
    assert callbacks == []  # the memory is gone, and its references with it
    memory = FrameMemory((4, 6, 3))
    frame = memory.frame()
    (reference,) = weakref.getweakrefs(frame.base)
    assert isinstance(reference.__callback__, BuiltinMethodType)
