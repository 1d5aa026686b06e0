"""Faces made to speak: from the first frame to the joined file, with an engine that only paints and the real ones."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.selection import FaceSelection
from facefusion_cli.core.lipsync import engine, plan, render
from facefusion_cli.core.lipsync import job as job_module
from facefusion_cli.core.lipsync.engine import EngineEntry
from facefusion_cli.core.lipsync.job import LipSyncJob, sync_lips
from facefusion_cli.core.lipsync.options import LipSyncOptions
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.naming import Target
from facefusion_cli.core.media.outputs import plan_outputs
from facefusion_cli.core.media.patch import Patch
from facefusion_cli.core.media.video.encoders import EncodeOptions
from facefusion_cli.core.media.video.options import VideoOptions
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.reader import FrameReader
from facefusion_cli.core.media.work_folders import work_folder
from facefusion_cli.errors import (
    IncompleteError,
    InputError,
    NoFaceError,
    OutputError,
    UsageError,
    WeightsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.tools import Tools
    from facefusion_cli.core.lipsync.engine import SpeechTask, SyncSettings
    from facefusion_cli.core.lipsync.result import LipSyncResult
    from facefusion_cli.core.media.video.watcher import Stage

GREEN = (40, 200, 40)
LOSSLESS = EncodeOptions("h264", 0, "ultrafast")


class Painter:
    """Paints the middle of a face: green, and lighter the louder it is."""

    name = "painter"
    notes: tuple[str, ...] = ()
    batch = 4
    most = 1.0
    """Of a picture's width: faces beyond it are left alone."""

    def __init__(self, _settings: SyncSettings, _tools: Tools) -> None:
        pass

    def left_alone(self, face: Face, shape: tuple[int, ...]) -> str:
        return "on the right" if face.mesh[13, 0] > self.most * shape[1] else ""

    def bounds(self, face: Face) -> tuple[float, float, float, float]:
        return face.box

    def speak(self, tasks: Sequence[SpeechTask | None]) -> list[tuple[Patch, ...]]:
        assert len(tasks) <= self.batch
        return [() if task is None else (self._patch(task, place),) for place, task in enumerate(tasks)]

    @staticmethod
    def _patch(task: SpeechTask, place: int) -> Patch:
        x, y = np.rint(task.face.mesh[13, :2]).astype(int).tolist()
        size = 10
        # What is heard, and the place in the batch, are in the blue and red channels.
        colour = np.empty((size, size, 3), np.float32)
        colour[:] = 128 + 12 * float(task.speech.mel.mean()), 200, 40 + 40 * place
        return Patch(x - size // 2, y - size // 2, colour, np.ones((size, size), np.float32))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "ENGINES", (EngineEntry("painter", "", Painter),))


@pytest.fixture(scope="session")
def portrait(astronaut: Path) -> NDArray[np.uint8]:
    small = cv2.resize(read_picture(astronaut).bgr[0:300, 80:380], (150, 150), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


@pytest.fixture(scope="session")
def scenery(portrait: NDArray[np.uint8]) -> Callable[..., NDArray[np.uint8]]:
    def make(*lefts: int, width: int = 256) -> NDArray[np.uint8]:
        """A frame with a portrait at each place."""
        frame = np.full((192, width, 3), (90, 110, 120), np.uint8)
        frame[::8] = (70, 90, 100)
        for left in lefts:
            frame[20:170, left : left + 150] = portrait
        return frame

    return make


@pytest.fixture(scope="session")
def walk(scenery: Callable[..., NDArray[np.uint8]], clip: Callable[..., Path]) -> Path:
    """50 frames at 25 a second in which a face moves to the right; in the last ten it is gone."""
    frames = [scenery(10 + 2 * number) if number < 40 else scenery() for number in range(50)]
    return clip(frames, audio="aac")


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes sound: ``sound(seconds)`` hums four times a second, ``at`` clicks at those seconds only."""
    folder = tmp_path_factory.mktemp("sound")

    def make(seconds: float, *, at: Sequence[float] = (), rate: int = 16000, quiet: Sequence[float] = ()) -> Path:
        path = folder / f"{seconds}-{'-'.join(map(str, at))}-{rate}-{'-'.join(map(str, quiet))}.wav"
        times = np.arange(round(seconds * rate)) / rate
        if at:
            samples = np.zeros_like(times)
            for click in at:
                samples[(times >= click) & (times < click + 0.02)] = 0.9
        else:
            samples = 0.5 * np.sin(2 * np.pi * 300 * times) * np.sin(2 * np.pi * 2 * times) ** 2
        if quiet:
            samples[(times >= quiet[0]) & (times < quiet[1])] = 0
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            file.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
        return path

    return make


def sync(video: Path, audio: Path, output: Path, watcher: Any = None, **options: Any) -> LipSyncResult:
    settings = VideoOptions(
        **{name: options.pop(name) for name in [*options] if name in VideoOptions.__dataclass_fields__}
    )
    job = LipSyncJob(LipSyncOptions(video=settings, **options))
    (planned,) = plan_outputs([Target(video, "video", sound=audio)], str(output))
    return job.run(planned) if watcher is None else job.run(planned, watcher)


def frames_of(path: Path) -> list[NDArray[np.uint8]]:
    with FrameReader(probe(path)) as reader:
        return list(reader)


def digests(path: Path) -> list[str]:
    return [hashlib.sha256(frame.data).hexdigest() for frame in frames_of(path)]


def samples_of(path: Path, ffmpeg: str, rate: int = 16000) -> NDArray[np.float32]:
    command = [
        ffmpeg,
        "-v",
        "error",
        "-i",
        str(path),
        "-map",
        "0:a:0",
        "-ac",
        "1",
        "-ar",
        str(rate),
        "-f",
        "f32le",
        "-",
    ]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.float32)


def painted(frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
    near = (np.abs(frame[..., 1].astype(int) - 200) < 30) & (frame[..., 2] < 190) & (frame[..., 0] < 150)
    return np.asarray(near & (frame[..., 1] > frame[..., 2] + 20))


def green(frame: NDArray[np.uint8]) -> bool:
    return int(painted(frame).sum()) > 40


def voice_of(frame: NDArray[np.uint8]) -> float:
    """What the painter has heard."""
    return float(np.median(frame[painted(frame)][:, 0]))


class Watcher:
    """Notes what it is told; ends the work by an exception in a stage after so many frames."""

    def __init__(self, stage: Stage | None = None, frames: int = 0) -> None:
        self.stages: list[tuple[str, int, int]] = []
        self.chunks: list[tuple[int, int]] = []
        self.notes: list[str] = []
        self.plans: list[str] = []
        self.frames = 0
        self._end = stage, frames

    def plan(self, sentence: str) -> None:
        self.plans.append(sentence)

    def stage(self, stage: Stage, done: int, total: int) -> None:
        self.stages.append((stage, done, total))
        self.frames = 0

    def chunk(self, number: int, count: int) -> None:
        self.chunks.append((number, count))

    def progress(self, frames: int, faces: int) -> None:
        self.frames += frames
        if (self.stages[-1][0], self.frames) == self._end:
            raise KeyboardInterrupt

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def check(self) -> None:
        pass


@pytest.mark.usefixtures("painter")
def test_a_whole_run(
    walk: Path, sound: Callable[..., Path], tmp_path: Path, ffmpeg: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher, out = Watcher(), tmp_path / "out.mp4"
    given_back: list[int] = []
    monkeypatch.setattr(render, "give_back_freed", lambda: given_back.append(len(watcher.chunks)))
    result = sync(walk, sound(2.0), out, watcher, encode=LOSSLESS, chunk_seconds=Fraction(1, 2))
    assert (result.output, result.frames, result.spoken, result.fps, result.length) == (out, 50, 40, 25.0, 2.0)
    assert [(one.start, one.stop, one.reason) for one in result.untouched] == [(1.6, 2.0, "no face")]
    assert set(result.stages) == {"probing", "listening", "looking", "speaking", "joining"}
    assert result.peak_memory > 10_000_000
    assert (result.engine, result.device, result.faces) == ("painter", "cpu", 1)
    assert [stage for stage, *_ in watcher.stages] == ["probing", "listening", "looking", "speaking", "joining"]
    assert watcher.chunks == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    assert given_back == [1, 2, 3, 4, 5], "no memory grows from chunk to chunk"
    assert "50 frames of 256 x 192 at 25 a second, in 5 chunks" in watcher.plans[0]
    assert [green(frame) for frame in frames_of(out)] == [True] * 40 + [False] * 10
    original = frames_of(walk)
    for frame, before in zip(frames_of(out), original, strict=True):
        # The encoder loses nothing, and colours are not rounded; 10 x 10 pixels are painted, and chroma is coarse.
        rows, columns = np.nonzero((frame != before).any(axis=2))
        assert (len(rows) > 0) == green(frame)
        assert len(rows) == 0 or max(np.ptp(rows), np.ptp(columns)) <= 20
    assert not work_folder(out).exists()
    heard = samples_of(out, ffmpeg)
    assert abs(len(heard) / 16000 - 2.0) < 0.1
    assert float(np.abs(heard).max()) > 0.3


@pytest.mark.usefixtures("painter")
@pytest.mark.parametrize("extend", ["pingpong", "loop"])
def test_b52_chunks_change_nothing(
    extend: Any, walk: Path, sound: Callable[..., Path], tmp_path: Path, ffmpeg: str
) -> None:
    """The painter writes its place in the batch and what it hears into the picture: all of that must be the same."""
    whole = tmp_path / "whole.mkv"
    sync(walk, sound(8.3), whole, encode=LOSSLESS, extend=extend)
    frames, heard = digests(whole), samples_of(whole, ffmpeg)
    assert len(frames) == round(8.3 * 25)
    assert len(set(frames)) > 60
    for seconds in (Fraction("1.3"), Fraction(2), Fraction(7)):
        part = tmp_path / f"{float(seconds)}.mkv"
        sync(walk, sound(8.3), part, encode=LOSSLESS, extend=extend, chunk_seconds=seconds)
        assert digests(part) == frames, seconds
        assert np.array_equal(samples_of(part, ffmpeg), heard), seconds


@pytest.mark.usefixtures("painter")
def test_a_stretch_is_that_of_the_whole(
    scenery: Callable[..., NDArray[np.uint8]],
    clip: Callable[..., Path],
    sound: Callable[..., Path],
    tmp_path: Path,
    ffmpeg: str,
) -> None:
    walk = clip([scenery(40)] * 30)
    whole, part = tmp_path / "whole.mkv", tmp_path / "part.mkv"
    audio = sound(3.0, at=[0.5, 1.0, 1.5, 2.5])
    sync(walk, audio, whole, encode=LOSSLESS)
    sync(walk, audio, part, encode=LOSSLESS, start=Fraction("0.8"), duration=Fraction(1))
    made, expected = [voice_of(frame) for frame in frames_of(part)], [voice_of(frame) for frame in frames_of(whole)]
    assert made == pytest.approx(expected[20:45], abs=4)
    assert max(expected) > min(expected) + 10
    heard = samples_of(part, ffmpeg)
    clicks = np.flatnonzero(np.diff((np.abs(heard) > 0.4).astype(int)) > 0) / 16000
    assert [round(float(click), 2) for click in clicks] == pytest.approx([0.2, 0.7], abs=0.02)


@pytest.mark.usefixtures("painter")
def test_a_preview_tells_of_the_whole(walk: Path, sound: Callable[..., Path], tmp_path: Path) -> None:
    result = sync(walk, sound(4.0), tmp_path / "out.mp4", preview=Fraction(1))
    assert result.frames == 25
    assert result.projection is not None
    assert result.projection.length == 4.0
    assert result.projection.bytes > (tmp_path / "out.mp4").stat().st_size


@pytest.mark.usefixtures("painter")
@pytest.mark.parametrize("fps", ["24000/1001", "24", "30000/1001", "50", "60"])
def test_b41_as_many_frames_as_the_sound_is_long(
    fps: str,
    scenery: Callable[..., NDArray[np.uint8]],
    clip: Callable[..., Path],
    sound: Callable[..., Path],
    tmp_path: Path,
) -> None:
    video = clip([scenery(20)] * 12, fps=fps)
    result = sync(video, sound(1.37), tmp_path / "out.mp4", encode=LOSSLESS)
    made = probe(tmp_path / "out.mp4")
    assert result.frames == made.frames == round(Fraction("1.37") * Fraction(fps))
    assert made.fps == Fraction(fps)


@pytest.mark.usefixtures("painter")
@pytest.mark.parametrize(
    ("fit", "frames", "sounding"), [("audio", 75, 3.0), ("video", 50, 2.0), ("longest", 75, 3.0), ("shortest", 50, 2.0)]
)
def test_b69_more_sound_than_pictures(
    fit: Any, frames: int, sounding: float, walk: Path, sound: Callable[..., Path], tmp_path: Path, ffmpeg: str
) -> None:
    watcher, out = Watcher(), tmp_path / "out.mp4"
    result = sync(walk, sound(3.0), out, watcher, fit=fit)
    assert result.frames == probe(out).frames == frames
    assert abs(len(samples_of(out, ffmpeg)) / 16000 - sounding) < 0.1
    (said,) = watcher.notes
    assert "the video lasts 2.0 s, the sound 3.0 s" in said


@pytest.mark.usefixtures("painter")
@pytest.mark.parametrize(("fit", "frames"), [("audio", 25), ("video", 50), ("longest", 50), ("shortest", 25)])
def test_b69_more_pictures_than_sound(
    fit: Any, frames: int, walk: Path, sound: Callable[..., Path], tmp_path: Path, ffmpeg: str
) -> None:
    out = tmp_path / "out.mp4"
    assert sync(walk, sound(1.0), out, fit=fit).frames == probe(out).frames == frames
    heard = samples_of(out, ffmpeg)
    assert float(np.abs(heard[: 16000 - 800]).max()) > 0.3
    assert not np.abs(heard[16000 + 1600 :]).max(initial=0) > 0.01


@pytest.mark.usefixtures("painter")
def test_what_is_heard_may_be_another_file(walk: Path, sound: Callable[..., Path], tmp_path: Path, ffmpeg: str) -> None:
    clicks = sound(2.0, at=[1.0], rate=44100)
    out, plain = tmp_path / "out.mkv", tmp_path / "plain.mkv"
    sync(walk, sound(2.0), out, soundtrack=clicks, encode=LOSSLESS)
    sync(walk, sound(2.0), plain, encode=LOSSLESS)
    assert digests(out) == digests(plain), "the lips follow the voice"
    heard = samples_of(out, ffmpeg)
    assert not np.abs(heard[:15000]).max() > 0.05
    assert float(np.abs(heard[15900:16400]).max()) > 0.4


@pytest.mark.usefixtures("painter")
def test_the_videos_own_sound_stays_under_it(
    walk: Path, sound: Callable[..., Path], tmp_path: Path, ffmpeg: str
) -> None:
    out = tmp_path / "out.mp4"
    sync(walk, sound(2.0, at=[0.1]), out, mix_original=0.5)
    heard = samples_of(out, ffmpeg)[8000:24000]
    spectrum = np.abs(np.fft.rfft(heard))
    assert abs(int(spectrum.argmax()) - 440) <= 2, "the tone of the video"


@pytest.mark.usefixtures("painter")
@pytest.mark.parametrize("stage", ["listening", "looking", "speaking"])
def test_what_was_interrupted_goes_on(stage: Any, walk: Path, sound: Callable[..., Path], tmp_path: Path) -> None:
    whole, out = tmp_path / "whole.mkv", tmp_path / "out.mkv"
    options: dict[str, Any] = {"encode": LOSSLESS, "chunk_seconds": Fraction(1)}
    sync(walk, sound(4.0), whole, **options)
    after = {"listening": 2, "looking": 30, "speaking": 60}[stage]
    interrupted = Watcher(stage, after)
    with pytest.raises(KeyboardInterrupt):
        sync(walk, sound(4.0), out, interrupted, **options)
    assert not out.exists()
    assert any("kept for 14 days" in note for note in interrupted.notes) == (stage != "listening")
    again = Watcher()
    result = sync(walk, sound(4.0), out, again, **options)
    assert digests(out) == digests(whole)
    assert result.untouched == sync(walk, sound(4.0), tmp_path / "other.mkv", **options).untouched
    if stage == "speaking":
        assert ("speaking", 50, 100) in again.stages
        assert again.chunks == [(3, 4), (4, 4)]
    assert not work_folder(out).exists()


_CHILD = """
import sys
from fractions import Fraction
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_lipsync_video import LOSSLESS, Painter, sync
from facefusion_cli.core.lipsync import engine
engine.ENGINES = (engine.EngineEntry("painter", "", Painter),)
sync(Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), encode=LOSSLESS, chunk_seconds=Fraction(1, 2))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing to kill with")
def test_f12_killed_again_and_again(walk: Path, sound: Callable[..., Path], tmp_path: Path, ffmpeg: str) -> None:
    whole, out = tmp_path / "whole.mkv", tmp_path / "out.mkv"
    child = [sys.executable, "-c", _CHILD, os.path.dirname(__file__), str(walk), str(sound(4.0))]  # noqa: PTH120
    began = time.monotonic()
    subprocess.run([*child, str(whole)], check=True, capture_output=True)
    usual = time.monotonic() - began
    moments = np.random.default_rng(3).uniform(0.3, 0.95, 4)
    for moment in moments:
        process = subprocess.Popen([*child, str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(usual * moment)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    subprocess.run([*child, str(out)], check=True, capture_output=True)
    assert digests(out) == digests(whole)
    assert np.array_equal(samples_of(out, ffmpeg), samples_of(whole, ffmpeg))


@pytest.mark.usefixtures("painter")
def test_other_options_begin_anew(walk: Path, sound: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        sync(walk, sound(2.0), out, Watcher("speaking", 40), chunk_seconds=Fraction(1, 2))
    watcher = Watcher()
    sync(walk, sound(2.0), out, watcher, chunk_seconds=Fraction(1, 2), sync_offset=80)
    assert watcher.notes == ["the finished part of an earlier run cannot be used: the options have changed."]


@pytest.mark.usefixtures("painter")
def test_two_people(
    scenery: Callable[..., NDArray[np.uint8]], clip: Callable[..., Path], sound: Callable[..., Path], tmp_path: Path
) -> None:
    video = clip([scenery(10, 300, width=480)] * 20)
    for face, half in ((FaceSelection("left"), 0), (FaceSelection("indices", (1,)), 1)):
        out = tmp_path / f"{half}.mp4"
        result = sync(video, sound(0.8), out, face=face, encode=LOSSLESS)
        assert result.faces == 2
        for frame in frames_of(out):
            assert [green(frame[:, :240]), green(frame[:, 240:])] == [half == 0, half == 1]


@pytest.mark.usefixtures("painter")
def test_b55_a_face_that_is_not_always_there(
    scenery: Callable[..., NDArray[np.uint8]], clip: Callable[..., Path], sound: Callable[..., Path], tmp_path: Path
) -> None:
    there = [False] * 30 + [True] * 20 + [False] * 30 + [True] * 20
    video = clip([scenery(50) if face else scenery() for face in there])
    out = tmp_path / "out.mp4"
    result = sync(video, sound(4.0), out, encode=LOSSLESS)
    assert [green(frame) for frame in frames_of(out)] == there
    assert [(one.start, one.stop) for one in result.untouched] == [(0.0, 1.2), (2.0, 3.2)]
    with pytest.raises(NoFaceError, match=r"missing from 0.0 s to 1.2 s, 2.0 s to 3.2 s") as raised:
        sync(video, sound(4.0), tmp_path / "strict.mp4", require_face=True)
    assert "--require-face" in raised.value.hint
    assert not (tmp_path / "strict.mp4").exists()
    assert not work_folder(tmp_path / "strict.mp4").exists()


@pytest.mark.usefixtures("painter")
def test_faces_that_the_engine_leaves_alone_are_told(
    walk: Path, sound: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Painter, "most", 0.5)
    out = tmp_path / "out.mp4"
    result = sync(walk, sound(2.0), out, encode=LOSSLESS)
    moved = [green(frame) for frame in frames_of(out)]
    assert 5 < result.spoken == sum(moved) < 35
    end = result.spoken / 25
    assert [(one.start, one.stop, one.reason) for one in result.untouched] == [
        (end, 1.6, "on the right"),
        (1.6, 2.0, "no face"),
    ]


@pytest.mark.usefixtures("painter")
def test_b56_no_face_at_all(
    scenery: Callable[..., NDArray[np.uint8]], clip: Callable[..., Path], sound: Callable[..., Path], tmp_path: Path
) -> None:
    before = set(tmp_path.iterdir())
    with pytest.raises(NoFaceError, match=r"from 0.0 s to 0.8 s"):
        sync(clip([scenery()] * 20), sound(0.8), tmp_path / "out.mp4")
    with pytest.raises(NoFaceError, match=r"from 0.4 s to 0.8 s"):
        sync(clip([scenery()] * 20), sound(0.8), tmp_path / "out.mp4", start=Fraction("0.4"))
    assert {path for path in tmp_path.iterdir() if path.name != "home"} == before


@pytest.mark.usefixtures("painter")
def test_b37_a_damaged_video(walk: Path, sound: Callable[..., Path], tmp_path: Path, ffmpeg: str) -> None:
    whole = tmp_path / "whole.mp4"
    copy = [ffmpeg, "-v", "error", "-i", str(walk), "-c", "copy", "-movflags", "+faststart", str(whole)]
    subprocess.run(copy, check=True)
    cut = tmp_path / "cut.mp4"
    content = whole.read_bytes()
    cut.write_bytes(content[: round(len(content) * 0.6)])
    result = sync(cut, sound(2.0), tmp_path / "out.mp4")
    assert 5 < result.decoded < result.promised == 50
    assert result.frames == 50, "as long as the sound"
    with pytest.raises(IncompleteError, match=r"of 50 frames can be decoded"):
        sync(cut, sound(2.0), tmp_path / "strict.mp4", strict=True)
    assert not (tmp_path / "strict.mp4").exists()


@pytest.mark.usefixtures("painter")
def test_a_video_whose_end_cannot_be_decoded(
    scenery: Callable[..., NDArray[np.uint8]],
    clip: Callable[..., Path],
    sound: Callable[..., Path],
    tmp_path: Path,
    ffmpeg: str,
) -> None:
    """Its index is whole: that the pictures are not there comes out only when it is looked at."""
    path = tmp_path / "end.mp4"
    made = clip([scenery(10 + number // 2) for number in range(100)])
    encode = ["-c:v", "libx264", "-g", "10", "-bf", "0", "-movflags", "+faststart"]
    subprocess.run([ffmpeg, "-v", "error", "-i", str(made), *encode, str(path)], check=True)
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * 0.6)].ljust(len(content), b"\0"))
    assert probe(path).frames == 100
    whole = sync(path, sound(4.0), tmp_path / "whole.mp4", fit="video", encode=LOSSLESS)
    assert 40 < whole.frames < 70
    out = tmp_path / "out.mp4"
    result = sync(path, sound(4.0), out, fit="video", preview=Fraction(2), encode=LOSSLESS)
    # The preview was to be from frame 25 to 75.
    assert result.frames == result.spoken == whole.frames - 25
    made_of_it = [voice_of(frame) for frame in frames_of(out)]
    expected = [voice_of(frame) for frame in frames_of(tmp_path / "whole.mp4")]
    assert made_of_it == pytest.approx(expected[25:], abs=4)


@pytest.mark.usefixtures("painter")
def test_b51_a_still_picture(astronaut: Path, sound: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    result = sync(astronaut, sound(1.2), out, fps=Fraction(30000, 1001))
    made = probe(out)
    assert (made.frames, made.fps, made.width, made.height) == (36, Fraction(30000, 1001), 512, 512)
    assert result.spoken == 36
    assert result.untouched == ()


@pytest.mark.usefixtures("painter")
def test_b51_b66_the_shortest_sound_and_video(
    scenery: Callable[..., NDArray[np.uint8]], clip: Callable[..., Path], sound: Callable[..., Path], tmp_path: Path
) -> None:
    one = clip([scenery(20)])
    assert sync(one, sound(0.02), tmp_path / "a.mp4").frames == 1
    assert sync(one, sound(1.0), tmp_path / "b.mp4").frames == 25


@pytest.mark.usefixtures("painter")
@pytest.mark.parametrize("broken", ["empty", "text", "silent video", "missing"])
def test_bad_sound(broken: str, walk: Path, clip: Callable[..., Path], tmp_path: Path) -> None:
    audio = tmp_path / "voice.wav"
    match broken:
        case "empty":
            audio.write_bytes(b"")
        case "text":
            audio.write_text("no sound at all\n" * 100)
        case "silent video":
            audio = clip(frames=5)
    before = {path for path in tmp_path.iterdir() if path.name != "home"}
    with pytest.raises(InputError) as raised:
        sync(walk, audio, tmp_path / "out.mp4")
    assert str(audio) in raised.value.message
    assert {path for path in tmp_path.iterdir() if path.name != "home"} == before


@pytest.mark.usefixtures("painter")
@pytest.mark.parametrize("broken", ["text", "silent video"])
def test_a_bad_soundtrack_is_told_before_the_work(
    broken: str, walk: Path, sound: Callable[..., Path], clip: Callable[..., Path], tmp_path: Path
) -> None:
    mix = clip(frames=5) if broken == "silent video" else tmp_path / "mix.wav"
    if broken == "text":
        mix.write_text("no sound at all\n" * 100)
    watcher = Watcher()
    with pytest.raises(InputError) as raised:
        sync(walk, sound(1.0), tmp_path / "out.mp4", watcher, soundtrack=mix)
    assert str(mix) in raised.value.message
    assert [stage for stage, *_ in watcher.stages] == ["probing"]
    assert not work_folder(tmp_path / "out.mp4").exists()


@pytest.mark.usefixtures("painter")
def test_f07_the_disk_is_too_small(
    walk: Path, sound: Callable[..., Path], tmp_path: Path, disk: Callable[[str], Path]
) -> None:
    folder = disk("size=2m")
    with pytest.raises(OutputError, match="not enough room"):
        sync(walk, sound(2.0), folder / "out.mp4")
    assert not list(folder.iterdir())


class Remover(Watcher):
    """Removes a folder when so many frames have been made."""

    def __init__(self, folder: Path, frames: int) -> None:
        super().__init__("speaking", frames)
        self._folder = folder

    def progress(self, frames: int, faces: int) -> None:
        try:
            super().progress(frames, faces)
        except KeyboardInterrupt:
            while self._folder.exists():  # something may be written into it meanwhile
                shutil.rmtree(self._folder, ignore_errors=True)


@pytest.mark.usefixtures("painter")
@pytest.mark.parametrize("frames", [4, 24])
def test_the_folder_of_the_output_is_removed_in_the_middle(
    frames: int, walk: Path, sound: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OutputError, match=f'the folder "{folder}" was removed in the middle of the work'):
        sync(walk, sound(2.0), folder / "out.mp4", Remover(folder, frames), chunk_seconds=Fraction(1))
    assert not folder.exists()


@pytest.mark.usefixtures("painter")
def test_room_is_asked_for_what_is_still_to_be_made(
    walk: Path, sound: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(plan, "check_room", lambda _folder, needed, _what: asked.append(needed))
    options: dict[str, Any] = {"chunk_seconds": Fraction(1, 2)}
    out = tmp_path / "out.mp4"
    with pytest.raises(KeyboardInterrupt):
        sync(walk, sound(2.0), out, Watcher("speaking", 30), **options)
    kept = sum(path.stat().st_size for path in work_folder(out).iterdir() if path.name.startswith(("piece", "faces")))
    sync(walk, sound(2.0), out, **options)
    sync(walk, sound(2.0), out, mix_original=0.5, **options)
    first, resumed, mixed = asked
    assert kept > 50_000
    assert first - resumed > 0.8 * kept
    assert mixed - first > 2 * 96_000


@pytest.mark.usefixtures("painter")
@pytest.mark.parametrize(
    "options",
    [
        {"face": FaceSelection("all")},
        {"face": FaceSelection("indices", (0, 1))},
        {"chunk_seconds": Fraction(61)},
        {"chunk_seconds": Fraction(0)},
        {"mouth_strength": 2.5},
        {"mix_original": -1.0},
        {"fps": Fraction(0)},
        {"sync_offset": 20_000},
        {"engine": "nonesuch"},
        {"fit": "nothing"},
        {"extend": "nothing"},
    ],
)
def test_options_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        LipSyncJob(LipSyncOptions(**options))


def test_the_python_interface_with_the_embedded_engine(
    walk: Path, sound: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited: list[str] = []
    monkeypatch.setattr(job_module, "limit_heaps", lambda: limited.append("heaps"))
    watcher = Watcher()
    result = sync_lips(walk, sound(1.5), tmp_path / "out.mp4", start=0.5, fps=29.97, watcher=watcher)
    assert result.engine == "mouth"
    assert any("wav2lip engine are not stored" in note for note in result.notes)
    assert any("--fps is for still pictures" in note for note in result.notes)
    assert watcher.stages[-1][0] == "joining"
    assert result.spoken == result.frames == 25
    assert limited
    changed = [
        float(np.abs(frame.astype(int) - before).max())
        for frame, before in zip(frames_of(tmp_path / "out.mp4"), frames_of(walk)[12:], strict=False)
    ]
    assert max(changed) > 40, "the mouth moves"


@pytest.mark.usefixtures("small_wav2lip")
@pytest.mark.parametrize(
    ("name", "options"),
    [("mouth", {}), ("wav2lip", {"device": "cpu", "precision": "fp32"}), ("wav2lip-gan", {"device": "cpu"})],
)
def test_real_engines_do_not_depend_on_chunks(
    name: str, options: dict[str, Any], walk: Path, sound: Callable[..., Path], tmp_path: Path
) -> None:
    """Also where the voice pauses and the mouth is closed instead."""
    whole, part = tmp_path / "whole.mkv", tmp_path / "part.mkv"
    audio = sound(2.4, quiet=(0.8, 1.6))
    first = sync(walk, audio, whole, engine=name, encode=LOSSLESS, **options)
    second = sync(walk, audio, part, engine=name, encode=LOSSLESS, chunk_seconds=Fraction("0.36"), **options)
    assert first.engine == second.engine == name
    assert digests(part) == digests(whole)
    original = frames_of(walk)
    for frame, before in zip(frames_of(whole)[:40], original, strict=False):
        assert np.abs(frame[:80].astype(int) - before[:80]).mean() < 1.0, "above the nose all is as it was"


@pytest.mark.usefixtures("small_wav2lip")
def test_auto_takes_the_network_where_it_is_stored(walk: Path, sound: Callable[..., Path], tmp_path: Path) -> None:
    result = sync(walk, sound(0.4), tmp_path / "out.mp4", device="cpu", precision="fp32")
    assert result.engine == "wav2lip"
    assert result.device == "cpu"


def test_a_named_engine_without_weights(
    walk: Path, sound: Callable[..., Path], astronaut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # it reads its variable once, for all tests that follow
    with pytest.raises(WeightsError):
        sync(walk, sound(0.4), tmp_path / "out.mp4", engine="wav2lip")
    with pytest.raises(WeightsError):
        sync(walk, sound(0.4), tmp_path / "out.mp4", engine="mouth", reference=astronaut)
    assert not (tmp_path / "out.mp4").exists()
