"""Faces put into videos: from the first frame to the joined file, with an engine that only paints."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.selection import FaceSelection
from facefusion_cli.core.faceswap import engine
from facefusion_cli.core.faceswap.engine import EngineEntry
from facefusion_cli.core.faceswap.job import SwapJob
from facefusion_cli.core.faceswap.options import SwapOptions
from facefusion_cli.core.faceswap.video import job as video_job
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.outputs import plan_outputs
from facefusion_cli.core.media.patch import Patch
from facefusion_cli.core.media.segments import plan_segments
from facefusion_cli.core.media.video.encoders import EncodeOptions, encoder_for
from facefusion_cli.core.media.video.layout import Planes, layout_of
from facefusion_cli.core.media.video.options import VideoOptions
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.reader import FrameReader
from facefusion_cli.errors import (
    FaceIndexError,
    FaceTooSmallError,
    IncompleteError,
    NoFaceError,
    OutputError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.tools import Tools
    from facefusion_cli.core.faceswap.engine import Source, SwapSettings, Task
    from facefusion_cli.core.faceswap.result import SwapResult
    from facefusion_cli.core.media.video.watcher import Stage

GREEN = (40, 200, 40)


class Painter:
    """Paints faces green."""

    name = "painter"
    notes: tuple[str, ...] = ()

    def __init__(self, _settings: SwapSettings, _tools: Tools) -> None:
        pass

    def prepare(self, sources: Sequence[Source]) -> None:
        pass

    def bounds(self, face: Face) -> tuple[float, float, float, float]:
        return face.box

    def swap(self, tasks: Sequence[Task[None]]) -> list[Patch | None]:
        return [_painted(task) for task in tasks]


def _painted(task: Task[None]) -> Patch:
    height, width = task.picture.shape[:2]
    alpha = np.zeros((height, width), np.float32)
    hull = cv2.convexHull(np.rint(task.face.mesh[:, :2]).astype(np.int32))
    cv2.fillPoly(alpha, [hull], 1.0)
    return Patch(0, 0, np.full((height, width, 3), GREEN, np.float32), alpha)


@pytest.fixture(autouse=True)
def painter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An engine that is quick, segments of half a second, and a home of its own."""
    monkeypatch.setattr(engine, "ENGINES", (EngineEntry("painter", "", Painter),))
    monkeypatch.setattr(video_job, "plan_segments", partial(plan_segments, seconds=Fraction(1, 2)))
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def walk(astronaut: Path) -> list[NDArray[np.uint8]]:
    """40 frames of 256 x 192 in which a face moves to the right; in the last ten it is gone."""
    portrait = cv2.resize(read_picture(astronaut).bgr[0:300, 80:380], (150, 150), interpolation=cv2.INTER_AREA)
    frames = []
    for number in range(40):
        frame = np.full((192, 256, 3), (90, 110, 120), np.uint8)
        frame[::8] = (70, 90, 100)
        if number < 30:
            left = 10 + 2 * number
            frame[20:170, left : left + 150] = portrait
        frames.append(frame)
    return frames


def swap(source: Path, target: Path, output: Path, watcher: Any = None, **options: Any) -> SwapResult:
    video = VideoOptions(
        **{name: options.pop(name) for name in [*options] if name in VideoOptions.__dataclass_fields__}
    )
    job = SwapJob(source, SwapOptions(video=video, **options))
    (planned,) = plan_outputs([target], str(output))
    return job.run(planned) if watcher is None else job.run(planned, watcher)


def frames_of(path: Path) -> list[NDArray[np.uint8]]:
    with FrameReader(probe(path)) as reader:
        return list(reader)


def green(frame: NDArray[np.uint8]) -> float:
    """Share of the frame that is painted."""
    return float((np.abs(frame.astype(np.int16) - GREEN).max(axis=2) < 25).mean())


class Watcher:
    """Notes what it is told; ends the work by an exception in a stage after so many frames."""

    def __init__(self, stage: Stage | None = None, frames: int = 0) -> None:
        self.stages: list[tuple[str, int, int]] = []
        self.notes: list[str] = []
        self.plans: list[str] = []
        self.frames = self.faces = 0
        self._end = stage, frames

    def chunk(self, number: int, count: int) -> None:
        pass

    def plan(self, sentence: str) -> None:
        self.plans.append(sentence)

    def stage(self, stage: Stage, done: int, total: int) -> None:
        self.stages.append((stage, done, total))
        self.frames = self.faces = 0

    def progress(self, frames: int, faces: int) -> None:
        self.frames += frames
        self.faces += faces
        if self._end == (self.stages[-1][0], self.frames):
            raise KeyboardInterrupt

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def check(self) -> None:
        pass


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(".facefusion"))


def planes_of(path: Path) -> list[tuple[NDArray[np.uint8], ...]]:
    """Luma and chroma of each frame, as decoded."""
    video = probe(path)
    layout = layout_of(video, encoder_for("h264"))
    assert isinstance(layout, Planes)
    with FrameReader(video, layout=layout) as reader:
        return [layout.planes(frame) for frame in reader]


def test_what_is_not_painted_on_is_as_it_was_decoded(
    clip: Callable[..., Path], walk: list[NDArray[np.uint8]], hopper: Path, tmp_path: Path
) -> None:
    """To the last bit, if the encoder loses nothing."""
    target, out = clip(walk), tmp_path / "out.mp4"
    swap(hopper, target, out, encode=EncodeOptions("h264", 0, "ultrafast"))
    frames = zip(planes_of(target), planes_of(out), frames_of(out), strict=True)
    for number, (before, after, shown) in enumerate(frames):
        near = np.abs(shown.astype(np.int16) - GREEN).max(axis=2) < 60
        around = cv2.dilate(near.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        changed = [one != other for one, other in zip(before, after, strict=True)]
        assert changed[0].any() == (number < 30)
        assert not (changed[0] & ~around).any()
        for chroma in changed[1:]:
            assert not (chroma & ~around[::2, ::2] & ~around[1::2, 1::2]).any()


def test_b55_every_frame_with_the_face_is_swapped_and_the_others_are_as_they_were(
    clip: Callable[..., Path], walk: list[NDArray[np.uint8]], hopper: Path, tmp_path: Path
) -> None:
    target = clip(walk, fps="30000/1001", audio="aac")
    watcher = Watcher()
    result = swap(hopper, target, tmp_path / "out.mp4", watcher)
    made, before = probe(tmp_path / "out.mp4"), probe(target)
    assert (made.frames, made.fps, made.start) == (40, Fraction(30000, 1001), before.start)
    assert [track.codec for track in made.audio] == ["aac"]
    shares = [green(frame) for frame in frames_of(tmp_path / "out.mp4")]
    assert min(shares[:30]) > 0.03
    assert max(shares[:30]) - min(shares[:30]) < 0.02
    assert max(shares[30:]) < 0.001
    assert result.video is not None
    assert (result.video.frames, result.video.swapped, result.video.decoded, result.video.promised) == (40, 30, 40, 40)
    assert (result.faces, result.found, result.output) == ((0,), 1, tmp_path / "out.mp4")
    assert [stage for stage, _, _ in watcher.stages] == ["probing", "looking", "swapping", "joining"]
    assert watcher.stages[2] == ("swapping", 0, 40)
    assert "40 frames of 256 x 192 at 29.97 a second" in watcher.plans[0]
    assert left_over(tmp_path) == []


def test_a_stretch_has_its_own_frames(
    clip: Callable[..., Path], walk: list[NDArray[np.uint8]], hopper: Path, tmp_path: Path
) -> None:
    target = clip(walk, audio="aac")
    whole = swap(hopper, target, tmp_path / "whole.mp4")
    part = swap(hopper, target, tmp_path / "part.mp4", start=Fraction(4, 10), duration=Fraction(1))
    assert whole.video is not None
    assert part.video is not None
    assert (part.video.frames, part.video.projection) == (25, None)
    for one, other in zip(frames_of(tmp_path / "whole.mp4")[10:35], frames_of(tmp_path / "part.mp4"), strict=True):
        assert np.abs(one.astype(np.int16) - other).mean() < 3
    shown = swap(hopper, target, tmp_path / "shown.mp4", preview=Fraction(1, 2), duration=Fraction(1))
    assert shown.video is not None
    assert shown.video.frames == 12
    assert shown.video.projection is not None
    assert shown.video.projection.length == 1
    assert shown.video.projection.bytes == round((tmp_path / "shown.mp4").stat().st_size * 25 / 12)
    with pytest.raises(UsageError, match=r"1\.60 seconds long"):
        swap(hopper, target, tmp_path / "x.mp4", start=Fraction(5))


def test_b56_without_any_face_there_is_no_output(
    clip: Callable[..., Path], no_face: Path, hopper: Path, tmp_path: Path
) -> None:
    empty = cv2.resize(read_picture(no_face).bgr, (256, 192), interpolation=cv2.INTER_AREA).astype(np.uint8)
    target = clip([empty] * 20)
    with pytest.raises(NoFaceError, match="any of the 20 frames"):
        swap(hopper, target, tmp_path / "out.mp4")
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []


def test_an_index_that_nobody_has(
    clip: Callable[..., Path], walk: list[NDArray[np.uint8]], hopper: Path, tmp_path: Path
) -> None:
    for indices in ((3,), (0, 3)):
        with pytest.raises(FaceIndexError, match="no face 3"):
            swap(hopper, clip(walk), tmp_path / "out.mp4", face=FaceSelection("indices", indices))
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []


def test_a_face_that_is_too_small(
    clip: Callable[..., Path], walk: list[NDArray[np.uint8]], hopper: Path, tmp_path: Path
) -> None:
    small = cv2.resize(walk[0][20:170, 10:160], (66, 66), interpolation=cv2.INTER_AREA)
    beside = []
    for frame in walk[:12]:
        wide = np.full((192, 340, 3), (90, 110, 120), np.uint8)
        wide[:, 84:] = frame
        wide[40:106, 8:74] = small
        beside.append(wide)
    with pytest.raises(FaceTooSmallError, match=r"face 0 in .* is only"):
        swap(hopper, clip(beside), tmp_path / "out.mp4", face=FaceSelection("indices", (0,)))


@pytest.mark.parametrize(("stage", "after"), [("looking", 20), ("swapping", 7), ("swapping", 26)])
def test_an_interrupted_run_goes_on_and_gives_the_same(
    clip: Callable[..., Path],
    walk: list[NDArray[np.uint8]],
    hopper: Path,
    tmp_path: Path,
    stage: Stage,
    after: int,
) -> None:
    target = clip(walk)
    swap(hopper, target, tmp_path / "at_once.mp4")
    interrupted = Watcher(stage, after)
    with pytest.raises(KeyboardInterrupt):
        swap(hopper, target, tmp_path / "out.mp4", interrupted)
    assert not (tmp_path / "out.mp4").exists()
    assert ("the same command goes on" in " ".join(interrupted.notes)) == (stage == "swapping" or after > 10)
    watcher = Watcher()
    swap(hopper, target, tmp_path / "out.mp4", watcher)
    done = {name: done for name, done, _ in watcher.stages}
    assert done["looking"] == (10 if stage == "looking" else 40)
    assert done["swapping"] == {("looking", 20): 0, ("swapping", 7): 0, ("swapping", 26): 20}[stage, after]
    for one, other in zip(frames_of(tmp_path / "at_once.mp4"), frames_of(tmp_path / "out.mp4"), strict=True):
        assert np.array_equal(one, other)
    assert left_over(tmp_path) == []


def test_other_options_or_another_target_begin_anew_and_say_so(
    clip: Callable[..., Path], walk: list[NDArray[np.uint8]], hopper: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target.mp4"
    shutil.copy(clip(walk), target)
    with pytest.raises(KeyboardInterrupt):
        swap(hopper, target, tmp_path / "out.mp4", Watcher("swapping", 26))
    preview = Watcher()
    swap(hopper, target, tmp_path / "preview.mp4", preview, preview=Fraction(1))
    watcher = Watcher("swapping", 26)
    with pytest.raises(KeyboardInterrupt):
        swap(hopper, target, tmp_path / "out.mp4", watcher, face=FaceSelection("all"))
    assert "options" in " ".join(watcher.notes)
    shutil.copy(clip(walk, fps="24"), target)
    watcher = Watcher("swapping", 26)
    with pytest.raises(KeyboardInterrupt):
        swap(hopper, target, tmp_path / "out.mp4", watcher, face=FaceSelection("all"))
    assert "input" in " ".join(watcher.notes)
    watcher = Watcher()
    swap(hopper, target, tmp_path / "out.mp4", watcher, face=FaceSelection("all"), resume=False)
    assert watcher.stages[1][1] == 0


def test_a_preview_leaves_alone_what_the_whole_has_done(
    clip: Callable[..., Path], walk: list[NDArray[np.uint8]], hopper: Path, tmp_path: Path
) -> None:
    target = clip(walk)
    with pytest.raises(KeyboardInterrupt):
        swap(hopper, target, tmp_path / "out.mp4", Watcher("swapping", 26))
    swap(hopper, target, tmp_path / "out.mp4", preview=Fraction(1))
    watcher = Watcher()
    swap(hopper, target, tmp_path / "out.mp4", watcher)
    assert watcher.stages[2] == ("swapping", 20, 40)


def cut_off(path: Path, share: float, into: Path) -> Path:
    data = path.read_bytes()
    into.write_bytes(data[: int(len(data) * share)])
    return into


def test_b37_what_a_cut_video_still_holds_is_kept_and_counted(
    clip: Callable[..., Path], walk: list[NDArray[np.uint8]], hopper: Path, tmp_path: Path
) -> None:
    whole = clip(walk, extra=("-movflags", "+faststart", "-bf", "0", "-g", "5"))
    target = cut_off(whole, 0.6, tmp_path / "cut.mp4")
    result = swap(hopper, target, tmp_path / "out.mp4")
    assert result.video is not None
    assert result.video.promised == 40
    assert 10 < result.video.decoded < 35
    assert probe(tmp_path / "out.mp4").frames == result.video.frames
    with pytest.raises(IncompleteError, match=f"only {result.video.decoded} of 40 frames"):
        swap(hopper, target, tmp_path / "strict.mp4", strict=True)
    assert not (tmp_path / "strict.mp4").exists()
    assert left_over(tmp_path) == []


def test_b38_what_is_lost_in_the_middle_is_held_and_counted(
    clip: Callable[..., Path], walk: list[NDArray[np.uint8]], hopper: Path, tmp_path: Path
) -> None:
    data = bytearray(clip(walk, extra=("-bf", "0", "-g", "10")).read_bytes())
    begin = data.index(b"mdat") + 4
    length = int.from_bytes(data[begin - 8 : begin - 4], "big")
    data[begin + length * 4 // 10 : begin + length * 7 // 10] = bytes(length * 7 // 10 - length * 4 // 10)
    (tmp_path / "target.mp4").write_bytes(data)
    result = swap(hopper, tmp_path / "target.mp4", tmp_path / "out.mp4")
    assert result.video is not None
    assert result.video.promised == 40
    assert 15 < result.video.decoded < 35
    assert result.video.frames == probe(tmp_path / "out.mp4").frames == 40
    with pytest.raises(IncompleteError, match=f"only {result.video.decoded} of 40 frames"):
        swap(hopper, tmp_path / "target.mp4", tmp_path / "strict.mp4", strict=True)


def test_segments_that_are_lost_at_the_end_are_counted(
    clip: Callable[..., Path], walk: list[NDArray[np.uint8]], hopper: Path, tmp_path: Path
) -> None:
    data = bytearray(clip(walk, extra=("-bf", "0", "-g", "10")).read_bytes())
    begin = data.index(b"mdat") + 4
    length = int.from_bytes(data[begin - 8 : begin - 4], "big")
    data[begin + length // 2 : begin + length - 8] = bytes(length - 8 - length // 2)
    (tmp_path / "target.mp4").write_bytes(data)
    result = swap(hopper, tmp_path / "target.mp4", tmp_path / "out.mp4")
    assert result.video is not None
    assert result.video.promised == 40
    assert result.video.decoded == result.video.frames < 30


def test_f07_a_full_disk_is_one_sentence_and_leaves_no_output(
    clip: Callable[..., Path], walk: list[NDArray[np.uint8]], hopper: Path, disk: Callable[[str], Path]
) -> None:
    noisy = [
        np.random.default_rng(number).integers(0, 256, frame.shape).astype(np.uint8) // 2 + frame // 2
        for number, frame in enumerate(walk)
    ]
    for number, frame in enumerate(noisy):
        frame[:180] = walk[number][:180]
    place = disk("size=300k")
    with pytest.raises(OutputError, match=r"(?i)space"):
        swap(hopper, clip(noisy), place / "out.mp4")
    assert not (place / "out.mp4").exists()


def test_an_output_folder_that_goes_away_is_one_sentence(
    clip: Callable[..., Path], walk: list[NDArray[np.uint8]], hopper: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "there"
    folder.mkdir()

    class Remover(Watcher):
        def progress(self, frames: int, faces: int) -> None:
            super().progress(frames, faces)
            if self.stages[-1][0] == "swapping" and self.frames == 5:
                while folder.exists():  # the encoder may be writing
                    shutil.rmtree(folder, ignore_errors=True)

    with pytest.raises(OutputError, match="there"):
        swap(hopper, clip(walk), folder / "out.mp4", Remover())
    assert not folder.exists()


_PROGRAM = """
import sys
from fractions import Fraction
from functools import partial
from facefusion_cli.cli import main
from facefusion_cli.core.faceswap.video import job
from facefusion_cli.core.media.segments import plan_segments
job.plan_segments = partial(plan_segments, seconds=Fraction(1, 5))
sys.exit(main(sys.argv[1:]))
"""


def test_f12_killed_again_and_again_it_still_ends_with_the_right_result(
    clip: Callable[..., Path], walk: list[NDArray[np.uint8]], hopper: Path, tmp_path: Path
) -> None:
    target = clip(walk, audio="aac")
    environment = os.environ | {"FACEFUSION_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", _PROGRAM, "faceswap", str(hopper), str(target), "--engine", "mesh", "-o"]

    def run(output: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*command, str(output)], env=environment, stderr=subprocess.PIPE)

    began = time.monotonic()
    with run(tmp_path / "at_once.mp4") as process:
        _, said = process.communicate()
        assert process.returncode == 0, said
    took = time.monotonic() - began
    random = np.random.default_rng(4)
    for _ in range(10):
        with run(tmp_path / "out.mp4") as process:
            time.sleep(took * random.uniform(0.2, 0.9))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        if (tmp_path / "out.mp4").exists():
            break
    with run(tmp_path / "out.mp4") as process:
        _, said = process.communicate()
        assert process.returncode == 0, said
    for one, other in zip(frames_of(tmp_path / "at_once.mp4"), frames_of(tmp_path / "out.mp4"), strict=True):
        assert np.array_equal(one, other)
    assert left_over(tmp_path) == []
