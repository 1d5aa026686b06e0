from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.core.media.video.layout import Bgr
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.reader import FrameReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.media.video.probe import Video

    Clip = Callable[..., Path]

GOP = ("-g", "50", "-bf", "3")
IRREGULAR = tuple(number * 0.04 + 0.007 * (number * number % 5) + (number > 100) * 0.9 for number in range(200))


def read(video: Video, start: int = 0, stop: int | None = None) -> tuple[list[NDArray[np.uint8]], int]:
    with FrameReader(video, start, stop) as reader:
        return list(reader), reader.missing


@pytest.mark.parametrize(
    "options",
    [
        {"frames": 250, "extra": GOP},
        {"frames": 250, "extra": GOP, "fps": "30000/1001", "suffix": ".mkv"},
        {"frames": 250, "extra": GOP, "fps": "24000/1001", "suffix": ".mov"},
        {"frames": 250, "extra": ("-x264-params", "open-gop=1:keyint=40:bframes=3")},
        {"frames": 250, "codec": "libx265", "extra": ("-x265-params", "log-level=error:keyint=40")},
        {"frames": 250, "extra": ("-x264-params", "intra-refresh=1:keyint=40")},
        {"frames": 200, "codec": "libvpx-vp9", "suffix": ".webm", "extra": ("-cpu-used", "8", "-deadline", "realtime")},
        {"frames": 250, "extra": GOP, "suffix": ".avi"},
        {"frames": 250, "extra": GOP, "suffix": ".ts"},
        {"frames": 250, "codec": "mpeg2video", "suffix": ".mpg", "extra": ("-bf", "2")},
        {"frames": 100, "codec": "mpeg2video", "suffix": ".ts", "interlaced": True, "extra": ("-bf", "2")},
        {"frames": 250, "extra": ("-g", "50"), "interlaced": True},
        {"stamps": IRREGULAR, "extra": GOP},
        {"stamps": IRREGULAR, "extra": GOP, "suffix": ".mkv"},
    ],
    ids=lambda options: "-".join(f"{key}={str(value)[:20]}" for key, value in options.items()),
)
def test_frames_of_any_stretch_are_those_of_the_whole(clip: Clip, options: dict[str, object]) -> None:
    video = probe(clip(size=(64, 48), **options))
    whole, missing = read(video)
    assert (len(whole), missing) == (video.frames, 0)
    # The pattern moves, so that a wrong frame shows.
    assert len({frame.tobytes() for frame in whole}) > len(whole) // 3
    count = video.frames
    for start, stop in ((0, 3), (count // 2 - 1, count // 2 + 2), (count - 30, count - 20), (count - 1, None)):
        part, missing = read(video, start, stop)
        assert missing == 0
        assert len(part) == (count if stop is None else stop) - start
        assert all(np.array_equal(one, other) for one, other in zip(part, whole[start:stop], strict=True))


def test_b40_irregular_frames_are_shown_when_they_are_due(clip: Clip) -> None:
    greys = [np.full((16, 16, 3), 20 * number, np.uint8) for number in range(6)]
    stamps = (0, 0.1, 0.2, 0.6, 0.7, 0.8)
    video = probe(clip(greys, stamps=stamps, extra=("-qp", "0")))
    frames, _ = read(video)
    times = [place / float(video.fps) for place in range(video.frames)]
    half = 0.5 / float(video.fps) + 1e-6
    for frame, time in zip(frames, times, strict=True):
        number = round(float(frame.mean()) / 20)
        assert stamps[number] <= time + half
        assert number == 5 or stamps[number + 1] >= time - half


def test_b39_frames_are_upright_bgr_of_their_own(clip: Clip) -> None:
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, :32] = (200, 30, 30)  # blue on the left
    picture[:, 32:] = (30, 30, 200)
    video = probe(clip([picture] * 4, pixel_format="yuv444p", extra=("-qp", "0"), matrix="bt709", range_="tv"))
    frames, _ = read(video)
    assert frames[0].shape == (32, 64, 3)
    assert frames[0].dtype == np.uint8
    assert np.abs(frames[0].astype(int) - picture).max() <= 2
    frames[0][:] = 0
    assert frames[1].any()
    turned = probe(clip([picture] * 4, rotation=90, pixel_format="yuv444p", extra=("-qp", "0")))
    frames, _ = read(turned)
    assert frames[0].shape == (64, 32, 3)
    assert frames[0][0, 0, 2] > 150  # counter-clockwise: what was on the right is above
    assert frames[0][-1, 0, 0] > 150


def test_scaled_frames_are_averages(clip: Clip) -> None:
    video = probe(clip(size=(96, 64), pixel_format="yuv444p", extra=("-qp", "0")))
    with FrameReader(video, 0, 1) as reader, FrameReader(video, 0, 1, layout=Bgr(video, (24, 16))) as small:
        (frame,), (scaled,) = reader, small
    wanted = frame.reshape(16, 4, 24, 4, 3).mean((1, 3))
    assert scaled.shape == (16, 24, 3)
    assert np.abs(scaled - wanted).mean() < 3


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuvj420p", "yuv422p"])
@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt470bg"])
def test_b44_colours_are_exact_however_they_are_made(
    clip: Clip, astronaut: Path, monkeypatch: pytest.MonkeyPatch, pixel_format: str, matrix: str
) -> None:
    """By zimg where it serves, by swscale where not; quickly for who only looks."""
    photo = np.asarray(cv2.imread(str(astronaut)), np.uint8)[:256, :320]
    tags = {"range_": "pc" if "j" in pixel_format else "tv", "matrix": matrix}
    video = probe(clip(pictures=[photo, photo], pixel_format=pixel_format, extra=("-qp", "0"), **tags))
    frames, _ = read(video)
    with FrameReader(video, layout=Bgr(video, quick=True)) as reader:
        quick = list(reader)
    monkeypatch.setattr("facefusion_cli.core.media.video.colour._ZIMG_FORMATS", {})
    others, _ = read(video)
    for frame, other, rough in zip(frames, others, quick, strict=True):
        apart = frame.astype(int) - other
        assert np.abs(apart).max() <= 2
        assert np.abs(apart).mean() < 0.1
        assert np.abs(apart.mean((0, 1))).max() < 0.02
        assert np.abs(rough.astype(int) - other).mean() < 3


def test_no_frames_are_asked_for(clip: Clip) -> None:
    video = probe(clip())
    assert read(video, 5, 5) == ([], 0)


def test_b50_size_that_changes_becomes_the_first(clip: Clip, ffmpeg: str, tmp_path: Path) -> None:
    parts = [clip(size=(64, 48), suffix=".ts"), clip(size=(96, 64), suffix=".ts", extra=("-output_ts_offset", "1.08"))]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    video = probe(path)
    frames, missing = read(video)
    assert (video.width, video.height, missing) == (64, 48, 0)
    assert len(frames) == video.frames == 50
    assert {frame.shape for frame in frames} == {(48, 64, 3)}


def test_b45_deinterlaced_frames_have_no_combs(clip: Clip) -> None:
    # A bar that moves 4 pixels a field: the lines of two fields do not fit together.
    fields = []
    for number in range(20):
        picture = np.full((64, 96, 3), 30, np.uint8)
        picture[:, 4 * number : 4 * number + 8] = 220
        fields.append(picture)
    video = probe(clip(fields, fps="50", interlaced=True, codec="mpeg2video", suffix=".ts", extra=("-q:v", "2")))
    assert video.interlaced
    assert video.fps == 25
    frames, _ = read(video)
    combed = replace(video, interlaced=False)
    raw, _ = read(combed)
    roughness = [np.abs(np.diff(each[4].astype(int), axis=0)).mean() for each in (frames, raw)]
    assert roughness[0] < roughness[1] / 3


@pytest.mark.parametrize("tags", [":colorspace=bt2020nc:color_primaries=bt2020", ":colorspace=bt2020nc", ""])
@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_b43_high_dynamic_range_looks_as_it_should(
    clip: Clip, ffmpeg: str, tmp_path: Path, transfer: str, tags: str
) -> None:
    # Greys that a standard display shows at 203 nits and less, coded for a bright one (ITU-R BT.2100 and BT.2408).
    levels = np.array([40, 90, 140, 190, 230])
    light = (levels / 255) ** 2.4 * 203
    if transfer == "smpte2084":
        power = (light / 10000) ** 0.1593017578125
        coded = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    else:
        scene = (light / 1000) ** (1 / 1.2)
        bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 0.1)) + 0.55991073
        coded = np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)
    wide = np.repeat((coded * 65535).round().astype("<u2"), 32)[None, :, None].repeat(32, 0).repeat(3, 2)
    path = tmp_path / "hdr.mp4"
    unnamed = "setparams=range=unknown:colorspace=unknown:color_primaries=unknown"
    named = f"setparams=color_trc={transfer}{tags}"
    chain = f"scale=out_color_matrix=bt2020nc:out_range=tv,format=yuv420p10le,{unnamed},{named}"
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb48le", "-video_size", "160x32", "-i", "pipe:0", "-vf", chain]
    coder = ["-c:v", "libx265", "-x265-params", "log-level=error", "-crf", "5", str(path)]
    subprocess.run([ffmpeg, "-loglevel", "error", *raw, *coder], input=wide.tobytes() * 2, check=True)
    video = probe(path)
    assert video.hdr
    assert (video.colour.primaries, video.colour.matrix) == (
        "bt2020" if "primaries" in tags else "",
        "bt2020nc" if tags else "",
    )
    (frame, _), _ = read(video)
    shown = frame[16, 16::32].mean(1)
    assert np.abs(shown - levels).max() < 14, shown
