from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefusion_cli.core.media.video import process
from facefusion_cli.core.media.video.encoders import EncodeOptions
from facefusion_cli.core.media.video.ffmpeg import ffmpeg_answer, ffmpeg_program
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.core.media.video.reader import FrameReader
from facefusion_cli.core.media.video.writer import FrameWriter
from facefusion_cli.errors import InputError, OutputError, ProgramError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.media.video.probe import Video

    Clip = Callable[..., Path]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stands in for ffmpeg with scripts")

QUICK = EncodeOptions(preset="ultrafast")


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ffmpeg: str) -> Callable[[str], None]:
    """Puts a shell script in ffmpeg's place; "$FFMPEG" is the real one, which also tells what it is and can."""

    def put(script: str) -> None:
        program = tmp_path / "ffmpeg.sh"
        asked = 'case "$word" in -version|-filters) exec "$FFMPEG" -hide_banner "$word" ;; esac'
        version = f'for word in "$@"; do {asked}; done'
        program.write_text(f'#!/bin/sh\nFFMPEG="{ffmpeg}"\n{version}\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
        ffmpeg_answer.cache_clear()

    return put


@pytest.fixture(autouse=True)
def no_children() -> Iterator[None]:
    """Every process that was started is gone."""
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def encode(
    path: Path,
    like: Video,
    count: int,
    between: Callable[[int, FrameWriter], None] | None = None,
    frame: NDArray[np.uint8] | None = None,
) -> None:
    """Write frames; ``between`` is called after each."""
    picture = np.zeros((like.height, like.width, 3), np.uint8) if frame is None else frame
    with FrameWriter(path, like, QUICK) as writer:
        for number in range(count):
            writer.write(np.roll(picture, number, 0))
            if between is not None:
                between(number, writer)
        writer.close()


# The program.


def test_f20_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clip: Clip) -> None:
    path = clip()
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    with pytest.raises(ProgramError, match=r"none.* cannot be used as ffmpeg") as caught:
        probe(path)
    assert "IMAGEIO_FFMPEG_EXE" in caught.value.hint


@pytest.mark.parametrize("content", ["#!/bin/sh\nexit 3\n", "#!/bin/sh\necho hello\n", "nothing that runs"])
def test_f20_program_that_is_no_ffmpeg_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clip: Clip, content: str
) -> None:
    path, program = clip(), tmp_path / "program"
    program.write_text(content)
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    with pytest.raises(ProgramError, match="cannot be used as ffmpeg"):
        probe(path)


def test_it_has_a_session_of_its_own_and_is_gone_in_the_end(clip: Clip) -> None:
    with FrameReader(probe(clip(frames=500))) as reader:
        child = reader._run._process
        next(iter(reader))
        assert os.getsid(child.pid) == child.pid
        assert child.poll() is None
    assert child.returncode == -signal.SIGKILL


def test_f19_hanging_ffmpeg_is_an_error(
    clip: Clip, pretend: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    video = probe(clip())
    pretend("sleep 1000")
    monkeypatch.setattr(process, "STALL_SECONDS", 0.3)
    monkeypatch.setattr(process, "_WATCH_SECONDS", 0.05)
    with pytest.raises(InputError, match="stopped answering"):
        probe(video.path)
    with FrameReader(video) as reader, pytest.raises(InputError, match="stopped answering"):
        list(reader)


def test_f19_hanging_encoder_is_an_error(
    clip: Clip, pretend: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    video = probe(clip(size=(640, 480)))
    pretend('for word in "$@"; do [ "$word" = lavfi ] && exit 0; done; sleep 1000')
    monkeypatch.setattr(process, "STALL_SECONDS", 0.3)
    monkeypatch.setattr(process, "_WATCH_SECONDS", 0.05)
    with pytest.raises(OutputError, match="stopped answering"):
        encode(tmp_path / "x.mp4", video, 99)


def test_a_consumer_that_takes_its_time_is_not_a_hanging_ffmpeg(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(process, "STALL_SECONDS", 0.3)
    monkeypatch.setattr(process, "_WATCH_SECONDS", 0.05)
    with FrameReader(probe(clip(size=(320, 240)))) as reader:
        count = 0
        for number, _ in enumerate(reader):
            count += 1
            if number == 2:
                time.sleep(0.8)
    assert count == 25


def test_f21_any_amount_of_messages_is_swallowed(clip: Clip, pretend: Callable[[str], None]) -> None:
    video = probe(clip())
    # As much as a gigabyte would be, without its time: more than any pipe holds, and one line without end.
    pretend('head -c 60000000 /dev/zero >&2; yes "error while decoding" | head -n 300000 >&2; exec "$FFMPEG" "$@"')
    with FrameReader(video) as reader:
        assert len(list(reader)) == 25
        assert sum(len(line) for line in reader._run.tail) < 1_000_000


# The decoder.


def test_f16_decoder_that_is_killed_is_an_error(clip: Clip) -> None:
    video = probe(clip(size=(320, 240), frames=300))
    with FrameReader(video) as reader:
        frames = iter(reader)
        next(frames)
        os.kill(reader._run._process.pid, signal.SIGKILL)
        with pytest.raises(InputError, match="signal 9"):
            list(frames)


def test_f18_decoder_that_gives_too_few_frames_and_says_it_was_right(
    clip: Clip, pretend: Callable[[str], None]
) -> None:
    video = probe(clip(size=(64, 48)))
    pretend(f'"$FFMPEG" "$@" | head -c {64 * 48 * 3 * 10}')
    with FrameReader(video) as reader:
        assert len(list(reader)) == 10
        assert reader.missing == 15


def test_file_that_is_gone_cannot_be_decoded(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    shutil.copyfile(clip(), path)
    video = probe(path)
    path.unlink()
    with FrameReader(video) as reader, pytest.raises(InputError, match="no frame"):
        list(reader)


@pytest.mark.parametrize(("suffix", "extra"), [(".mp4", ("-movflags", "+faststart")), (".mkv", ())])
def test_b37_cut_video_gives_what_is_there_and_tells_what_was_promised(
    clip: Clip, tmp_path: Path, suffix: str, extra: tuple[str, ...]
) -> None:
    whole = clip(frames=50, suffix=suffix, extra=("-bf", "2", *extra))
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    video = probe(path)
    assert video.promised == 50
    assert 10 < video.frames < 40
    assert video.notes == ()
    with FrameReader(video) as reader, FrameReader(probe(whole)) as undamaged:
        frames = list(reader)
        assert len(frames) + reader.missing >= video.frames
        assert reader.missing <= 1
        same = [np.array_equal(one, other) for one, other in zip(frames, undamaged, strict=False)]
    assert all(same[: video.frames - 4])  # the last ones may refer to what is gone


def test_b38_hole_in_the_middle_keeps_the_time_and_is_counted(clip: Clip, tmp_path: Path) -> None:
    whole = clip(frames=50, extra=("-bf", "0", "-g", "50", "-movflags", "+faststart"))
    clean = all_frames(whole)
    # Coded frames 20 to 24, by their place in the file.
    data = bytearray(whole.read_bytes())
    sizes = packet_sizes(whole)
    first = data.index(b"mdat") + 4 + sum(sizes[:20])
    data[first : first + sum(sizes[20:25])] = bytes(sum(sizes[20:25]))
    path = tmp_path / "hole.mp4"
    path.write_bytes(data)
    video = probe(path)
    assert video.frames == 50
    with FrameReader(video) as reader:
        frames = list(reader)
        assert reader.missing == 5
    assert len(frames) == 50
    assert all(np.array_equal(one, other) for one, other in zip(frames[:20], clean, strict=False))
    assert all(np.array_equal(frame, frames[19]) for frame in frames[20:25])
    # A stretch counts its own, and begins with the frame that stood there before.
    for start, stop, missing in ((0, 20, 0), (22, 40, 3), (21, 24, 3), (30, 50, 0)):
        with FrameReader(video, start, stop) as reader:
            part = list(reader)
            assert reader.missing == missing
        assert len(part) == stop - start
        if start < 25:
            assert np.array_equal(part[0], frames[start])


def test_end_that_cannot_be_decoded_is_not_invented(clip: Clip, tmp_path: Path) -> None:
    whole = clip(frames=50, extra=("-bf", "0", "-g", "50", "-movflags", "+faststart"))
    data = bytearray(whole.read_bytes())
    sizes = packet_sizes(whole)
    first = data.index(b"mdat") + 4 + sum(sizes[:40])
    data[first : first + sum(sizes[40:])] = bytes(sum(sizes[40:]))
    path = tmp_path / "end.mp4"
    path.write_bytes(data)
    video = probe(path)
    with FrameReader(video) as reader:
        assert len(list(reader)) == 40
        assert reader.missing == 10
    with FrameReader(video, 45, 50) as reader:
        assert list(reader) == []
        assert reader.missing == 5


@pytest.mark.parametrize("seed", range(5))
def test_b38_flipped_bytes_never_change_number_or_time(clip: Clip, tmp_path: Path, seed: int) -> None:
    data = bytearray(clip(size=(128, 96), frames=50, extra=("-movflags", "+faststart")).read_bytes())
    generator = np.random.default_rng(seed)
    first = data.index(b"mdat") + 4
    for place in generator.integers(first + 900, len(data), 60):
        data[place] ^= 255
    path = tmp_path / "flipped.mp4"
    path.write_bytes(data)
    video = probe(path)
    with FrameReader(video) as reader:
        frames = list(reader)
        assert video.frames == 50
        assert len(frames) <= 50
        assert reader.missing >= 50 - len(frames)


# The encoder.


def test_f07_full_disk_is_one_sentence(clip: Clip, disk: Callable[[str], Path]) -> None:
    folder = disk("size=300k")
    video = probe(clip(size=(320, 240)))
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    with pytest.raises(OutputError, match="no space is left on the disk"):
        encode(folder / "x.mp4", video, 200, frame=noise)


def test_f03_folder_that_is_missing_is_one_sentence(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "none" / "x.mp4"
    video = probe(clip())
    with pytest.raises(OutputError, match=r"x\.mp4.*folder does not exist"):
        encode(path, video, 20)


def test_folder_that_is_removed_meanwhile_is_noticed(clip: Clip, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "work").mkdir(parents=True)
    video = probe(clip())

    def remove(number: int, writer: FrameWriter) -> None:
        if number == 15:
            shutil.rmtree(folder)

    with pytest.raises(OutputError, match=r'folder ".*/folder" was removed in the middle of the work'):
        encode(folder / "work" / "x.mp4", video, 20, remove)


def test_f17_encoder_that_is_killed_is_an_error(clip: Clip, tmp_path: Path) -> None:
    video = probe(clip(size=(320, 240)))

    def kill(number: int, writer: FrameWriter) -> None:
        if number == 5:
            os.kill(writer._run._process.pid, signal.SIGKILL)

    with pytest.raises(OutputError, match="signal 9"):
        encode(tmp_path / "x.mp4", video, 100, kill)


@pytest.mark.parametrize(
    "script",
    [
        '"$FFMPEG" -t 0.2 "$@"; cat > /dev/null',  # takes all frames
        '"$FFMPEG" -t 0.2 "$@"; exit 0',  # or breaks the pipe
    ],
)
def test_f18_encoder_that_loses_frames_is_noticed(
    clip: Clip, pretend: Callable[[str], None], tmp_path: Path, script: str
) -> None:
    video = probe(clip(size=(320, 240)))
    pretend(f'case "$*" in *rawvideo*) shift 3; {script};; *) exec "$FFMPEG" "$@";; esac')
    with pytest.raises(OutputError, match=r"did not write every frame"):
        encode(tmp_path / "x.mp4", video, 100)


def test_file_that_was_not_finished_is_not_whole(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    with FrameWriter(path, probe(clip()), QUICK) as writer:
        writer.write(np.zeros((64, 96, 3), np.uint8))
    if path.exists() and path.stat().st_size:
        with pytest.raises(InputError):
            probe(path)


def test_error_of_the_work_ends_both(clip: Clip, tmp_path: Path) -> None:
    video = probe(clip(frames=300))

    def work() -> None:
        with FrameReader(video) as reader, FrameWriter(tmp_path / "x.mp4", video, QUICK) as writer:
            for number, frame in enumerate(reader):
                writer.write(frame)
                assert 1 / (10 - number)

    with pytest.raises(ZeroDivisionError):
        work()


def test_inputs_are_never_written_to(clip: Clip, tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    shutil.copyfile(clip(), path)
    path.chmod(stat.S_IRUSR)
    before = path.read_bytes(), path.stat().st_mtime_ns
    with FrameReader(probe(path)) as reader:
        list(reader)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_run_hears_all_that_is_said(clip: Clip) -> None:
    heard: list[str] = []
    with FfmpegRun(["-loglevel", "info", "-i", str(clip())], said=heard.append) as run:
        assert run.finish() != 0
    assert any("Stream #0:0" in line for line in heard)
    assert ffmpeg_program()


def all_frames(path: Path) -> list[NDArray[np.uint8]]:
    with FrameReader(probe(path)) as reader:
        return list(reader)


def packet_sizes(path: Path) -> list[int]:
    """Of each coded frame, in the order of the file."""
    arguments = ["-loglevel", "error", "-i", str(path), "-c", "copy", "-f", "framecrc", "-"]
    with FfmpegRun(arguments, read=True) as run:
        lines = run.stdout.read().decode().splitlines()
        run.finish()
    return [int(line.split(",")[4]) for line in lines if not line.startswith("#")]
