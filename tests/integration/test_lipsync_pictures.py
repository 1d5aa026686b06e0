"""Frames in the order in which a timeline shows them, and stills as videos."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from facefusion_cli.core.lipsync import pictures
from facefusion_cli.core.lipsync.pictures import shown_frames
from facefusion_cli.core.lipsync.still import video_of_still
from facefusion_cli.core.lipsync.timeline import Run
from facefusion_cli.core.media.segments import Segment, Work, plan_segments
from facefusion_cli.core.media.video.layout import Bgr
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.reader import FrameReader
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.media.video.frame_memory import FrameMemory
    from facefusion_cli.core.media.video.layout import Layout


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))


def whole(path: Path) -> list[NDArray[np.uint8]]:
    with FrameReader(probe(path)) as reader:
        return list(reader)


@pytest.mark.parametrize("held", [7, 30])
def test_forwards_backwards_and_standing(held: int, clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """In several blocks, and all of it held."""
    path = clip(frames=30)
    frames, video = whole(path), probe(path)
    monkeypatch.setattr(pictures, "_HELD", held * 3 * video.width * video.height)
    runs = [Run(20, 10, 1), Run(28, 20, -1), Run(9, 3, 0), Run(0, 5, 1)]
    wanted = [*range(20, 30), *range(28, 8, -1), 9, 9, 9, *range(5)]
    given = []
    for frame in shown_frames(video, Bgr(video), plan_segments(0, 30, video.fps, Fraction(1, 2)), runs):
        given.append(frame.copy())
        frame[:] = 0  # whoever gets it may paint on it
    assert len(given) == len(wanted)
    for place, number in enumerate(wanted):
        assert np.array_equal(given[place], frames[number]), (place, number)


class Torn:
    """Stands for a reader whose file breaks off: of each stretch only the frames in ``there`` come."""

    def __init__(self, there: Sequence[int]) -> None:
        self.there = there

    def __call__(self, _video: Any, start: int, stop: int, *, layout: Layout, memory: FrameMemory) -> Torn:
        self.start, self.stop, self.memory = start, stop, memory
        return self

    def __enter__(self) -> Torn:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Any:
        for frame in range(self.start, self.stop):
            if frame not in self.there:
                return
            picture = self.memory.frame()
            picture[:] = frame
            yield picture


@pytest.mark.parametrize(
    ("there", "runs", "seen"),
    [
        (range(10), [Run(0, 10, 1)], list(range(10))),
        ([0, 1, 2, 5, 6, 7, 8, 9], [Run(0, 10, 1)], [0, 1, 2, 2, 2, 5, 6, 7, 8, 9]),
        ([5, 6, 7], [Run(2, 8, 1)], [5, 5, 5, 5, 6, 7, 7, 7]),
        ([0, 1, 2], [Run(3, 3, 0), Run(1, 2, 1)], [1, 1, 1, 1, 2]),
    ],
)
@pytest.mark.parametrize("held", [1, 10])
def test_neighbours_stand_in(
    held: int,
    there: Sequence[int],
    runs: Sequence[Run],
    seen: list[int],
    clip: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pictures, "FrameReader", Torn(there))
    stretches, video = [Segment(0, 0, 5), Segment(1, 5, 10)], probe(clip())
    monkeypatch.setattr(pictures, "_HELD", held * 3 * video.width * video.height)
    given = []
    for frame in shown_frames(video, Bgr(video), stretches, runs):
        given.append(int(frame[0, 0, 0]))
        frame[:] = 255
    assert given == seen


def test_no_picture_at_all(clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "FrameReader", Torn([]))
    video = probe(clip())
    with pytest.raises(InputError, match="no frame of"):
        list(shown_frames(video, Bgr(video), [Segment(0, 0, 5)], [Run(0, 5, 1)]))


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(1), Fraction(60)])
def test_a_still_is_a_video_of_one_frame(fps: Fraction, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (101, 75, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "still.png"), pixels)
    with Work(tmp_path / "out.mp4", {}) as work:
        video, notes = video_of_still(tmp_path / "still.png", fps, work)
        again, _ = video_of_still(tmp_path / "still.png", fps, work)
        (frame,) = whole(video.path)
    assert again == video
    assert (video.fps, video.frames, notes) == (fps, 1, ())
    assert np.array_equal(frame, pixels[:100, :74]), "an odd row and column are cut off, nothing else changes"


def test_a_large_still_is_reduced(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "still.jpg"), np.full((1001, 3001, 3), 90, np.uint8))
    with Work(tmp_path / "out.mp4", {}) as work:
        video, notes = video_of_still(tmp_path / "still.jpg", Fraction(25), work)
    assert (video.width, video.height) == (1920, 640)
    assert "3001 x 1001 pixels become 1920 x 640" in notes[0]


@pytest.mark.parametrize("shape", [(15, 100), (100, 1)])
def test_a_still_that_is_too_small(shape: tuple[int, int], tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "still.png"), np.zeros((*shape, 3), np.uint8))
    with Work(tmp_path / "out.mp4", {}) as work, pytest.raises(InputError, match="too small for a video"):
        video_of_still(tmp_path / "still.png", Fraction(25), work)
