from __future__ import annotations

import subprocess
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.core.media.video.encoder_check import check_encoder, working_codecs
from facefusion_cli.core.media.video.encoders import EncodeOptions, codec_names
from facefusion_cli.core.media.video.packets import read_packets
from facefusion_cli.core.media.video.probe import ColourTags, probe
from facefusion_cli.core.media.video.reader import FrameReader
from facefusion_cli.core.media.video.writer import SEGMENT_SUFFIX, FrameWriter
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.media.video.probe import Video

    Clip = Callable[..., Path]
    Frame = NDArray[np.uint8]

QUICK = EncodeOptions(preset="ultrafast")


def write(path: Path, like: Video, frames: Iterable[Frame], options: EncodeOptions = QUICK) -> Video:
    with FrameWriter(path, like, options) as writer:
        for frame in frames:
            writer.write(frame)
        writer.close()
    return probe(path)


def read(video: Video) -> list[Frame]:
    with FrameReader(video) as reader:
        return list(reader)


@pytest.fixture(scope="module")
def photo(astronaut_pixels: Frame) -> list[Frame]:
    """Eight frames in which a photograph moves."""
    return [np.ascontiguousarray(np.roll(astronaut_pixels, 3 * number, 1)[:240, :320]) for number in range(8)]


@pytest.fixture(scope="module")
def astronaut_pixels(astronaut: Path) -> Frame:
    picture = cv2.imread(str(astronaut))
    assert picture is not None
    # As much detail as chroma of half the size can hold.
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0), np.uint8)


@pytest.mark.parametrize("range_", ["tv", "pc"])
@pytest.mark.parametrize("matrix", ["smpte170m", "bt470bg", "bt709", "bt2020nc"])
def test_there_and_back_keeps_colours(clip: Clip, photo: list[Frame], tmp_path: Path, matrix: str, range_: str) -> None:
    video = probe(clip(photo, matrix=matrix, range_=range_, extra=("-qp", "4")))
    assert (video.colour.matrix, video.colour.range) == (matrix, range_)
    before = read(video)
    # That what is read is what was meant, and not only the same wrong both times.
    assert np.abs(np.stack(before).astype(int) - np.stack(photo)).mean() < 1.2
    written = write(tmp_path / "x.mp4", video, before, EncodeOptions())
    assert written.colour.matrix == matrix
    difference = np.stack(read(written)).astype(int) - np.stack(before)
    assert np.abs(difference.mean((0, 1, 2))).max() < 0.5
    assert np.abs(difference).mean() < 1.5


@pytest.mark.parametrize("height", [240, 720])
def test_untagged_video_is_understood_as_players_do(clip: Clip, tmp_path: Path, height: int) -> None:
    matrix = "bt709" if height >= 720 else "smpte170m"
    picture = np.zeros((height, 640, 3), np.uint8)
    picture[:] = (40, 200, 90)
    chain = (
        f"scale=out_color_matrix={matrix}:out_range=tv:flags=accurate_rnd,format=yuv420p,setparams=colorspace=unknown"
    )
    video = probe(clip([picture] * 2, filters=chain))
    assert video.colour.matrix == ""
    frames = read(video)
    assert np.abs(frames[0].astype(int) - picture).max() <= 4
    written = write(tmp_path / "x.mp4", video, frames)
    assert written.colour == ColourTags("tv", matrix, matrix, matrix)


@pytest.mark.parametrize(
    "fps",
    ["24000/1001", "30000/1001", "25", "1000", "1/2", "25/2", "120000/1001", "240000/1001", "359/17", "240301/40130"],
)
def test_b41_pieces_have_exact_stamps_and_join_without_a_gap(clip: Clip, ffmpeg: str, tmp_path: Path, fps: str) -> None:
    like = replace(probe(clip(size=(32, 32), frames=2)), fps=Fraction(fps))
    generator = np.random.default_rng(0)
    frames = [generator.integers(0, 255, (32, 32, 3), np.uint8) for _ in range(24)]
    pieces = [frames[:11], frames[11:12], frames[12:]]
    names = []
    for number, piece in enumerate(pieces):
        path = tmp_path / f"{number}{SEGMENT_SUFFIX}"
        written = write(path, like, piece, EncodeOptions(preset="veryfast"))
        assert (written.fps if len(piece) > 1 else like.fps, written.frames) == (like.fps, len(piece))
        names.append(f"file '{path}'\n")
    (tmp_path / "list.txt").write_text("".join(names))
    joined = tmp_path / "joined.mp4"
    command = ["-f", "concat", "-safe", "0", "-i", str(tmp_path / "list.txt"), "-c", "copy", str(joined)]
    subprocess.run([ffmpeg, "-loglevel", "error", *command], check=True)
    packets = read_packets(joined, 0, stamped=True)
    assert [int(stamp) * packets.tick for stamp in packets.stamps] == [
        pytest.approx(float(place / like.fps), abs=2e-6) for place in range(24)
    ]
    alone = [frame for number in range(3) for frame in read(probe(tmp_path / f"{number}{SEGMENT_SUFFIX}"))]
    video = probe(joined)
    assert video.frames == 24
    assert all(np.array_equal(one, other) for one, other in zip(read(video), alone, strict=True))


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9", "prores"])
def test_b46_each_codec_writes_what_it_is_given(clip: Clip, photo: list[Frame], tmp_path: Path, codec: str) -> None:
    if codec not in working_codecs():
        pytest.skip("this ffmpeg has no encoder for it")
    like = replace(probe(clip(photo)), sar=Fraction(4, 3), fps=Fraction(30000, 1001))
    written = write(tmp_path / "x.mp4", like, photo, EncodeOptions(codec, preset="veryfast"))
    assert (written.codec, written.frames, written.fps) == (codec, 8, Fraction(30000, 1001))
    assert (written.width, written.height, written.sar) == (320, 240, Fraction(4, 3))
    difference = np.stack(read(written)).astype(int) - np.stack(photo)
    assert np.abs(difference.mean((0, 1, 2))).max() < 0.5
    assert np.abs(difference).mean() < 2


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9", "prores"])
def test_b42_odd_sizes_stay(clip: Clip, tmp_path: Path, codec: str) -> None:
    if codec not in working_codecs():
        pytest.skip("this ffmpeg has no encoder for it")
    video = probe(clip(size=(321, 239), pixel_format="yuv444p", frames=4))
    written = write(tmp_path / "x.mp4", video, read(video), EncodeOptions(codec, preset="veryfast"))
    assert (written.width, written.height, written.frames) == (321, 239, 4)


def test_codec_that_needs_even_sizes_says_so(clip: Clip) -> None:
    if "av1" not in working_codecs():
        pytest.skip("this ffmpeg has no encoder for it")
    with pytest.raises(UsageError, match="only of even sizes") as caught:
        check_encoder(EncodeOptions("av1"), 321, 239)
    assert "h264" in caught.value.hint


def test_hardware_is_tried_before_it_is_used(clip: Clip, tmp_path: Path) -> None:
    missing = [name for name in codec_names() if "_" in name and name not in working_codecs()]
    if not missing:
        pytest.skip("every encoder works here")
    like = probe(clip())
    for name in missing:
        with (
            pytest.raises(UsageError, match=f'the codec "{name}" cannot be used here: .+') as caught,
            FrameWriter(tmp_path / "x.mp4", like, EncodeOptions(name)),
        ):
            pass
        assert "h264" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_quality_is_asked_for(clip: Clip, photo: list[Frame], tmp_path: Path) -> None:
    like = probe(clip(photo))
    sizes = []
    for crf in (10, 18, 30):
        write(tmp_path / "x.mp4", like, photo, EncodeOptions(crf=crf, preset="veryfast"))
        sizes.append((tmp_path / "x.mp4").stat().st_size)
    assert sizes == sorted(sizes, reverse=True)


def test_frame_of_another_shape_is_an_error(clip: Clip, tmp_path: Path) -> None:
    like = probe(clip())
    with FrameWriter(tmp_path / "x.mp4", like, QUICK) as writer, pytest.raises(ValueError, match="another shape"):
        writer.write(np.zeros((3, 3, 3), np.uint8))


def test_frames_that_are_views_are_written_right(clip: Clip, photo: list[Frame], tmp_path: Path) -> None:
    like = probe(clip(photo))
    wide = [np.concatenate([frame, frame], 1) for frame in photo]
    plain = read(write(tmp_path / "a.mp4", like, photo))
    views = read(write(tmp_path / "b.mp4", like, [frame[:, :320] for frame in wide]))
    assert all(np.array_equal(one, other) for one, other in zip(plain, views, strict=True))
