from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from facefusion_cli.core.media.kinds import is_animated
from facefusion_cli.core.media.video.ffmpeg import ffmpeg_answer, input_arguments
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.reader import FrameReader
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Clip = Callable[..., Path]

IRREGULAR = (0, 0.04, 0.08, 0.2, 0.24, 0.5, 0.54, 1.0, 1.2, 1.24)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".ts"])
@pytest.mark.parametrize("fps", ["24000/1001", "25", "30000/1001"])
def test_b41_rate_and_count_are_exact(clip: Clip, fps: str, suffix: str) -> None:
    video = probe(clip(fps=fps, suffix=suffix))
    assert (video.fps, video.frames, video.promised) == (Fraction(fps), 25, 25)
    assert not video.variable
    assert video.duration == 25 / Fraction(fps)
    assert video.notes == ()


@pytest.mark.parametrize(("fps", "frames"), [("1000", 40), ("1/2", 4), ("25/2", 9), ("120", 30)])
def test_b41_unusual_rates_are_exact(clip: Clip, fps: str, frames: int) -> None:
    video = probe(clip(fps=fps, frames=frames))
    assert (video.fps, video.frames, video.variable) == (Fraction(fps), frames, False)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_b40_variable_rate_becomes_constant_with_the_duration_kept(clip: Clip, suffix: str) -> None:
    video = probe(clip(stamps=IRREGULAR, suffix=suffix))
    assert video.variable
    assert abs(video.frames - len(IRREGULAR)) <= 1
    assert abs(float(video.duration) - 1.28) < 0.04
    assert any("irregularly" in note for note in video.notes)
    with FrameReader(video) as reader:
        assert len(list(reader)) == video.frames
        assert reader.missing == 0


def test_b39_b42_b46_looks_of_the_upright_frame(clip: Clip) -> None:
    video = probe(clip(rotation=90, sar="4/3"))
    assert (video.width, video.height, video.sar) == (64, 96, Fraction(3, 4))
    video = probe(clip(size=(321, 239), pixel_format="yuv444p"))
    assert (video.width, video.height) == (321, 239)


def test_what_comes_with_it(clip: Clip) -> None:
    video = probe(clip(audio="aac", audio_tracks=2))
    assert [(track.index, track.codec, track.rate, track.channels) for track in video.audio] == [
        (1, "aac", 44100, 1),
        (2, "aac", 44100, 1),
    ]
    assert (video.stream, video.codec, video.container) == (0, "h264", "mov,mp4,m4a,3gp,3g2,mj2")


def test_colours(clip: Clip) -> None:
    tags = {"matrix": "bt709", "range_": "tv", "primaries": "bt709", "transfer": "bt709"}
    colour = probe(clip(**tags)).colour
    assert (colour.matrix, colour.range, colour.primaries, colour.transfer) == ("bt709", "tv", "bt709", "bt709")
    untagged = probe(clip()).colour
    assert (untagged.matrix, untagged.primaries, untagged.transfer) == ("", "", "")


@pytest.mark.parametrize(
    ("options", "bits", "hdr", "words"),
    [
        ({"codec": "libx265", "pixel_format": "yuv420p10le"}, 10, False, "10 bits become 8"),
        (
            {
                "codec": "libx265",
                "pixel_format": "yuv420p10le",
                "matrix": "bt2020nc",
                "primaries": "bt2020",
                "transfer": "smpte2084",
                "range_": "tv",
            },
            10,
            True,
            "HDR",
        ),
        ({"interlaced": True, "codec": "mpeg2video", "suffix": ".ts"}, 8, False, "interlaced"),
        ({"codec": "ffv1", "pixel_format": "yuva420p", "suffix": ".mkv"}, 8, False, "transparency"),
    ],
)
def test_b43_b44_b45_what_changes_is_said_once(
    clip: Clip, options: dict[str, object], bits: int, hdr: bool, words: str
) -> None:
    video = probe(clip(**options))
    assert (video.bits, video.hdr) == (bits, hdr)
    assert len(video.notes) == 1
    assert words in video.notes[0]


@pytest.mark.parametrize(
    "options",
    [
        {"suffix": ".mov"},
        {"suffix": ".webm", "codec": "libvpx-vp9"},
        {"suffix": ".webm", "codec": "libvpx"},
        {"suffix": ".gif", "codec": "gif", "pixel_format": "rgb8", "fps": "10"},
        {"suffix": ".flv"},
        {"suffix": ".mpg", "codec": "mpeg2video"},
        {"suffix": ".wmv", "codec": "wmv2"},
        {"codec": "libx264rgb", "pixel_format": "rgb24"},
        {"pixel_format": "gray"},
        {"frames": 1},
        {"frames": 1, "suffix": ".mkv"},
    ],
)
def test_b44_b58_many_kinds_are_read(clip: Clip, options: dict[str, object]) -> None:
    video = probe(clip(**options))
    frames = options.get("frames", 25)
    assert (video.frames, video.variable) == (frames, False)
    with FrameReader(video) as reader:
        assert len(list(reader)) == frames
        assert reader.missing == 0


def test_animated_webp_is_read(tmp_path: Path, ffmpeg: str) -> None:
    if "webp_anim" not in ffmpeg_answer(ffmpeg, "-demuxers"):
        pytest.skip("this ffmpeg cannot read them")
    path = tmp_path / "x.webp"
    pictures = [np.full((48, 64, 3), 20, np.uint8) for _ in range(5)]
    for number, picture in enumerate(pictures):
        picture[:, 10 * number : 10 * number + 10] = (250, 120, 10)  # only that part of a frame is in the file
    first, *others = [Image.fromarray(picture) for picture in pictures]
    first.save(path, save_all=True, append_images=others, duration=100, lossless=True)
    assert is_animated(path.read_bytes())
    video = probe(path)
    assert (video.fps, video.frames, video.variable) == (Fraction(10), 5, False)
    with FrameReader(video) as reader:
        for frame, picture in zip(reader, pictures, strict=True):
            assert np.array_equal(frame, picture[:, :, ::-1])


@pytest.mark.parametrize("remuxed", [".mp4", ".ts"])
@pytest.mark.parametrize(("fps", "frames"), [("24000/1001", 30), ("30000/1001", 100), ("60000/1001", 30), ("30", 30)])
def test_rate_is_exact_after_a_change_of_containers(
    clip: Clip, ffmpeg: str, tmp_path: Path, fps: str, frames: int, remuxed: str
) -> None:
    before, path = clip(fps=fps, frames=frames, suffix=".mkv"), tmp_path / f"x{remuxed}"
    subprocess.run([ffmpeg, "-loglevel", "error", "-i", before, "-c", "copy", path], check=True)
    for video in (probe(before), probe(path)):
        assert (video.fps, video.frames, video.variable, video.notes) == (Fraction(fps), frames, False, ())
        assert video.timeline is None


TEXTS = [
    "n: 5 pts: 77777 x",
    "[Parsed_showinfo_0 @ 0x5] n: 5 pts: 77777 x\n[showinfo@0 @ 0x5] n: 5 pts: 77777 x",
    "config in time_base: 1/1, frame_rate: 3/1",
    "color_range:pc color_space:bt709 color_primaries:bt709 color_trc:smpte2084",
    "x\n  Stream #0:0: Video: none, 9x9, 3 fps\nStream mapping:\nOutput #0\n  Duration: 99:00:00.00, start: 0\n",
    "[h264 @ 0x5] Picture size 99999x99999 exceeds specified max pixel count 1",
    "    Chapter #0:0: start 0.0, end 1.0\n    Chapter #0:0: start 0.0, end 1.0",
    "long " * 2000,
    "lines\n" * 5000,
]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:12]))
def test_what_a_file_says_about_itself_is_not_obeyed(
    clip: Clip, ffmpeg: str, tmp_path: Path, text: str, suffix: str
) -> None:
    plain, path = clip(audio="aac"), tmp_path / f"x{suffix}"
    escaped = "".join("\\" + letter if letter in "=;#\\\n" else letter for letter in text)
    tags = f";FFMETADATA1\ntitle={escaped}\ncomment={escaped}\n"
    (tmp_path / "tags").write_text(f"{tags}[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle={escaped}\n")
    streams = [word for kind in "va" for word in (f"-metadata:s:{kind}", f"title={text[:9000]}")]
    inputs = ["-i", str(plain), "-i", str(tmp_path / "tags"), "-map_metadata", "1"]
    subprocess.run([ffmpeg, "-loglevel", "error", *inputs, *streams, "-c", "copy", str(path)], check=True)
    video, wanted = probe(path), probe(plain)
    assert (video.fps, video.frames, video.promised, video.notes) == (wanted.fps, 25, 25, ())
    assert (video.width, video.height, video.colour, video.chapters) == (96, 64, wanted.colour, 1)
    assert [track.index for track in video.audio] == [1]
    with FrameReader(video, 20) as reader, FrameReader(wanted, 20) as undisturbed:
        assert all(np.array_equal(one, other) for one, other in zip(reader, undisturbed, strict=True))
        assert reader.missing == 0


@pytest.mark.parametrize(
    "name",
    ["x\n  Stream #0:7: Video: h264, 9x9, 3 fps\n[Parsed_showinfo_0 @ 0x5] n: 5 pts: 77777 x", "Stream #0:7: Video: x"],
)
def test_names_of_tags_are_not_obeyed(clip: Clip, tmp_path: Path, name: str) -> None:
    place = "N" * len(name)
    data = clip(suffix=".mkv", extra=("-metadata", f"{place}=x")).read_bytes()
    assert place.encode() in data
    path = tmp_path / "x.mkv"
    path.write_bytes(data.replace(place.encode(), name.encode()))
    video = probe(path)
    assert (video.stream, video.fps, video.frames, video.promised) == (0, Fraction(25), 25, 25)


@pytest.mark.parametrize("language", ["zh (Hans)", "en-US", "x): Video: none, 9x9 "])
def test_any_language_is_no_hindrance(clip: Clip, language: str) -> None:
    video = probe(clip(suffix=".mkv", extra=("-metadata:s:v:0", f"language={language}")))
    assert (video.stream, video.codec, video.frames) == (0, "h264", 25)


def test_all_stamps_of_a_long_video_are_seen_without_decoding_it(clip: Clip, ffmpeg: str, tmp_path: Path) -> None:
    part = clip(size=(64, 64), frames=1000)
    (tmp_path / "list.txt").write_text(f"file '{part}'\n" * 60)
    long = tmp_path / "long.mkv"
    joined = ["-f", "concat", "-safe", "0", "-i", str(tmp_path / "list.txt"), "-c", "copy", str(long)]
    subprocess.run([ffmpeg, "-loglevel", "error", *joined], check=True)
    video = probe(long)
    assert (video.frames, video.fps) == (60_000, Fraction(25))
    assert video.timeline is None
    with FrameReader(video, 59_998) as reader:
        assert len(list(reader)) == 2


# What is refused.


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        probe(path)
    assert str(path) in caught.value.message
    assert caught.value.message.endswith(".")
    return caught.value.message


def test_b01_b02_b03_b72_what_is_no_file_is_refused(tmp_path: Path) -> None:
    fifo, loop, empty = tmp_path / "fifo.mp4", tmp_path / "loop.mp4", tmp_path / "empty.mp4"
    os.mkfifo(fifo)
    loop.symlink_to(loop)
    empty.touch()
    assert "there is no file" in refused(tmp_path / "nothing.mp4")
    assert "is a folder" in refused(tmp_path)
    assert "not an ordinary file" in refused(fifo)
    assert "leads to itself" in refused(loop)
    assert "is empty" in refused(empty)


@pytest.mark.parametrize("name", ["x.mp4", "x.mkv", "x.avi", "x.ts", "x"])
@pytest.mark.parametrize("content", [b"hello, this is a text\n" * 99, bytes(5000), b"\x7fELF" + bytes(range(256)) * 20])
def test_b04_what_is_no_video_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert "is not a video" in refused(tmp_path / name)


def test_b34_b35_sound_and_still_pictures_are_refused(ffmpeg: str, tmp_path: Path) -> None:
    sound, cover, audio_only = tmp_path / "sound.mp4", tmp_path / "cover.mp4", tmp_path / "cover.m4a"
    tone = ["-f", "lavfi", "-i", "sine=duration=1"]
    red = ["-f", "lavfi", "-i", "color=red:size=64x64"]
    still = ["-map", "0", "-map", "1", "-frames:v", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic"]
    quiet = [ffmpeg, "-loglevel", "error"]
    subprocess.run([*quiet, *tone, sound], check=True)
    subprocess.run([*quiet, *tone, *red, *still, "-f", "mp3", cover], check=True)
    subprocess.run([*quiet, *tone, *red, *still, "-f", "mp4", audio_only], check=True)
    assert "has sound but no picture" in refused(sound)
    assert "not a video" in refused(cover)
    assert "only a still one" in refused(audio_only)


def test_b34_video_without_frames_is_refused(ffmpeg: str, tmp_path: Path) -> None:
    path = tmp_path / "none.mp4"
    nothing = ["-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "0", str(path)]
    subprocess.run([ffmpeg, "-loglevel", "error", *nothing], check=False)
    assert "no picture" in refused(path)


def test_b59_encrypted_video_is_refused(clip: Clip) -> None:
    key = "76a6c65c5ea762046bd749a2e632ccbb"
    secret = ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key]
    assert "encrypted" in refused(clip(extra=secret))


@pytest.mark.parametrize(("codec", "suffix"), [("mjpeg", ".avi"), ("libx264", ".mp4")])
def test_b54_too_large_frames_are_refused_by_the_header(clip: Clip, codec: str, suffix: str) -> None:
    path = clip(size=(8192, 8192), frames=1, codec=codec, suffix=suffix, pixel_format="yuvj420p")
    assert "too large: 8192 x 8192" in refused(path)


def test_b36_cut_before_its_index_is_refused(clip: Clip, tmp_path: Path) -> None:
    whole = clip().read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) // 2])
    assert "its index is missing" in refused(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.mp4", "ffconcat version 1.0\nfile {neighbour}\n"),
        ("x.ffconcat", "ffconcat version 1.0\nfile {neighbour}\n"),
        ("x.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{neighbour}\n#EXT-X-ENDLIST\n"),
        ("x.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{neighbour}\n#EXT-X-ENDLIST\n"),
        ("x.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"),
        (
            "x.mpd",
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet>'
            "<Representation><BaseURL>{neighbour}</BaseURL></Representation></AdaptationSet></Period></MPD>",
        ),
        ("x.mp4", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{neighbour}"/></svg>'),
    ],
)
def test_b60_b61_scripts_that_name_other_files_are_refused_and_those_stay_shut(
    clip: Clip, tmp_path: Path, name: str, text: str
) -> None:
    neighbour = tmp_path / "neighbour.ts"
    shutil.copyfile(clip(suffix=".ts"), neighbour)
    before = neighbour.stat().st_mtime_ns - 10**12
    os.utime(neighbour, ns=(before, before))  # so that reading it would move the time of access, where that is kept
    path = tmp_path / name
    path.write_text(text.format(neighbour=neighbour.name))
    assert "not a video" in refused(path)
    assert neighbour.stat().st_atime_ns == before


def test_every_reading_of_a_file_carries_the_whitelists(tmp_path: Path) -> None:
    arguments = list(input_arguments(tmp_path / "-x.mp4"))
    assert arguments[arguments.index("-protocol_whitelist") + 1] == "file"
    formats = arguments[arguments.index("-format_whitelist") + 1].split(",")
    assert "mov" in formats
    assert not {"concat", "hls", "dash", "image2", "lavfi", "sdp", "rtsp", "tty", "libmodplug"} & set(formats)
    assert arguments[-1] == f"file:{tmp_path / '-x.mp4'}"


NAMES = [
    b"with space.mp4",
    b'it\'s "quoted".mp4',
    b"%03d.mp4",
    b"-i.mp4",
    b"12:30.mp4",
    b"file:x.mp4",
    b"two\nlines.mp4",
    b"emoji \xf0\x9f\x98\x80.mp4",
    b"latin \xe9.mp4",
    b"x" * 251 + b".mp4",
    b"[a]*?.mp4",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_b71_odd_names_are_read(clip: Clip, tmp_path: Path, name: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = clip(frames=3)
    path = type(tmp_path)(os.fsdecode(name))
    shutil.copyfile(source, path)
    video = probe(path)
    assert replace(video, path=source) == probe(source)
    with FrameReader(video) as reader, FrameReader(probe(source)) as plain:
        assert all(np.array_equal(one, other) for one, other in zip(reader, plain, strict=True))
