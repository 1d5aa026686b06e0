"""The first pass over a video: stretches seen at the same time, and what becomes of them when one fails."""

from __future__ import annotations

import threading
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.analyser import FaceAnalyser
from facefusion_cli.core.faces.tracking import looking
from facefusion_cli.core.faces.tracking.looking import look, plan_stretches
from facefusion_cli.core.media.segments import Segment, Work
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.watcher import SILENT
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.mesh import Fitted
    from facefusion_cli.core.media.video.probe import Video

    Clip = Callable[..., Path]
    Picture = NDArray[np.uint8]


class Meeting(FaceAnalyser):
    """Finds nothing, and waits until as many as are expected look at the same time."""

    def __init__(self, expected: int) -> None:
        super().__init__()
        self.barrier = threading.Barrier(expected, timeout=30)
        self.threads: set[int] = set()

    def find(self, picture: Picture, known: Sequence[Fitted] = ()) -> list[Face]:
        if threading.get_ident() not in self.threads:
            self.threads.add(threading.get_ident())
            self.barrier.wait()
        return []

    def look(self, picture: Picture, known: Sequence[Fitted] = ()) -> list[Face]:
        return []


@pytest.fixture
def video(clip: Clip) -> Video:
    return probe(clip(frames=40, size=(96, 64)))


def at_a_time(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(looking, "_at_a_time", lambda: number)


@pytest.mark.parametrize(
    ("frames", "fps", "lengths"),
    [
        (1, 25, [1]),
        (100, 25, [100]),
        (101, 25, [50, 51]),
        (201, 25, [100, 101]),
        (3000, 25, [1500, 1500]),
        (3001, 25, [1000, 1000, 1001]),
        (240, Fraction(30000, 1001), [120, 120]),
    ],
)
def test_a_video_is_seen_in_two_stretches_at_least(frames: int, fps: Fraction, lengths: list[int]) -> None:
    stretches = plan_stretches(7, 7 + frames, Fraction(fps))
    assert [one.stop - one.start for one in stretches] == lengths
    assert [one.start for one in stretches[1:]] == [one.stop for one in stretches[:-1]]


def test_several_are_seen_at_the_same_time(video: Video, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_a_time(monkeypatch, 2)
    finder = Meeting(2)
    with Work(tmp_path / "out.mp4", {}) as work:
        looked = look(video, [Segment(0, 0, 20), Segment(1, 20, 40)], work, finder, None, SILENT)
        work.remove()
    assert looked.counts == [20, 20]
    assert len(finder.threads) == 2


def test_what_is_seen_does_not_depend_on_that(
    clip: Clip, astronaut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = np.asarray(cv2.imread(str(astronaut)), np.uint8)
    pictures = [np.roll(photo, 3 * number, axis=1) for number in range(18)]
    video = probe(clip(pictures=pictures, fps="25"))
    segments = [Segment(number, 6 * number, 6 * number + 6) for number in range(video.frames // 6)]
    seen = []
    for number in (1, 3):
        at_a_time(monkeypatch, number)
        with Work(tmp_path / f"{number}.mp4", {}) as work:
            looked = look(video, segments, work, FaceAnalyser(), None, SILENT)
            seen.append([file.read_bytes() for file in looked.files])
            work.remove()
    assert seen[0] == seen[1]


@pytest.mark.parametrize("number", [1, 2])
def test_the_first_failure_ends_it(video: Video, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    class Failing(FaceAnalyser):
        def find(self, picture: Picture, known: Sequence[Fitted] = ()) -> list[Face]:
            raise error

    at_a_time(monkeypatch, number)
    errors = [InputError("it is damaged."), ValueError("a mistake")]
    for error in errors:
        with Work(tmp_path / "out.mp4", {}) as work, pytest.raises(type(error), match=str(error)):
            look(video, [Segment(0, 0, 20), Segment(1, 20, 40)], work, Failing(), None, SILENT)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".mp4"] == []


def test_a_watcher_that_has_enough_ends_it(video: Video, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Enough(BaseException):
        pass

    class Watcher(type(SILENT)):  # type: ignore[misc]
        def progress(self, frames: int, faces: int) -> None:
            raise Enough

    at_a_time(monkeypatch, 2)
    with Work(tmp_path / "out.mp4", {}) as work, pytest.raises(Enough):
        look(video, [Segment(0, 0, 20), Segment(1, 20, 40)], work, FaceAnalyser(), None, Watcher())
    assert not any(thread.name.startswith("facefusion-") for thread in threading.enumerate())
