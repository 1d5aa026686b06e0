"""Pieces of video joined again, with all that belongs to the original."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.core.media.video.containers import check_container
from facefusion_cli.core.media.video.ffmpeg import ffmpeg_program
from facefusion_cli.core.media.video.join import Soundtrack, join
from facefusion_cli.core.media.video.packets import read_packets
from facefusion_cli.core.media.video.probe import SubtitleTrack, probe
from facefusion_cli.core.media.video.tags import format_tags, read_tags
from facefusion_cli.errors import InputError, OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
COUNTS = (31, 7, 22)
FRAMES = sum(COUNTS)


def ffmpeg(*arguments: object) -> str:
    command = [ffmpeg_program(), "-nostdin", "-hide_banner", "-y", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


def stamps(path: Path, stream: str, *options: object) -> list[Fraction]:
    """When each packet is shown, in order."""
    text = ffmpeg(
        "-v", "error", "-copyts", "-i", path, "-map", f"0:{stream}", *(options or ("-c", "copy")), "-f", "framecrc", "-"
    )
    tick = Fraction(re.findall(r"#tb 0: (\S+)", text)[0])
    return sorted(int(line.split(",")[2]) * tick for line in text.splitlines() if line[:1] == "0")


def pictures(path: Path) -> list[str]:
    """A checksum of each decoded frame."""
    text = ffmpeg("-v", "error", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framecrc", "-")
    return [line.split(",")[5] for line in text.splitlines() if line[:1] == "0"]


def described(path: Path) -> str:
    return ffmpeg("-i", path, "-map", "0:v:0", "-t", "0", "-f", "null", "-").split("Output #0")[0]


def pieces(folder: Path, rate: str = "25", counts: Sequence[int] = COUNTS, codec: Sequence[str] = X264) -> list[Path]:
    paths = []
    for number, count in enumerate(counts):
        path = folder / f"piece-{number}.mp4"
        source = f"testsrc2=s=64x48:r={rate},hue=h={number * 70}"
        ffmpeg("-f", "lavfi", "-i", source, "-frames:v", count, *codec, path)
        paths.append(path)
    return paths


def original(path: Path, *options: object, rate: str = "25", sounds: Sequence[str] = ("sine=1000",)) -> Path:
    """A video of as many frames as the pieces have together."""
    seconds = float(FRAMES / Fraction(rate))
    inputs = [word for sound in sounds for word in ("-f", "lavfi", "-i", sound)]
    maps = [word for number in range(len(sounds) + 1) for word in ("-map", str(number))]
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s=64x48:r={rate}", *inputs, *maps, "-t", seconds),
        *(*X264, "-c:a", "aac", *options, path),
    )
    return path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pieces and an original with sound, at 25 frames a second. Read only."""
    folder = tmp_path_factory.mktemp("join")
    pieces(folder)
    original(folder / "original.mp4")
    return folder


def shared_pieces(shared: Path) -> list[Path]:
    return [shared / f"piece-{number}.mp4" for number in range(len(COUNTS))]


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001", "25", "50", "1000", "1/2", "11737/1000"])
def test_b41_frames_and_stamps_are_exact(tmp_path: Path, rate: str) -> None:
    parts = pieces(tmp_path, rate)
    video = probe(original(tmp_path / "original.mp4", rate=rate))
    assert video.fps == Fraction(rate)
    out = tmp_path / "out.mp4"
    assert join(parts, out, video) == ()
    assert stamps(out, "v:0") == [number / Fraction(rate) for number in range(FRAMES)]
    assert pictures(out) == [one for part in parts for one in pictures(part)]
    assert probe(out).fps == Fraction(rate)


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001", "15", "1/2"])
def test_avi_says_the_rate_that_it_has(tmp_path: Path, rate: str) -> None:
    parts = pieces(tmp_path, rate)
    out = tmp_path / "out.avi"
    join(parts, out, probe(original(tmp_path / "original.mp4", rate=rate)))
    assert read_packets(out, 0, stamped=False).tick == 1 / Fraction(rate)
    assert (probe(out).fps, probe(out).frames) == (Fraction(rate), FRAMES)


@pytest.mark.parametrize("suffix", [".mov", ".m4v", ".mkv", ".avi", ".MP4"])
def test_b58_other_containers(shared: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out{suffix}"
    assert join(shared_pieces(shared), out, probe(shared / "original.mp4")) == ()
    assert pictures(out) == [one for part in shared_pieces(shared) for one in pictures(part)]
    if suffix != ".avi":
        assert [round(one * 25) for one in stamps(out, "v:0")] == [*range(FRAMES)]
    text = described(out)
    assert "Audio: aac" in text
    assert "64x48" in text
    assert abs(float(stamps(out, "a:0")[0])) < 0.04


def test_b58_webm(tmp_path: Path) -> None:
    parts = pieces(tmp_path, codec=("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"))
    video = probe(original(tmp_path / "original.mp4"))
    out = tmp_path / "out.webm"
    assert join(parts, out, video) == ("audio track 1 (aac) becomes Opus, as players of WebM expect.",)
    assert pictures(out) == [one for part in parts for one in pictures(part)]
    assert "Audio: opus" in described(out)


def test_b47_no_sound_is_fine(shared: Path, tmp_path: Path) -> None:
    video = probe(original(tmp_path / "silent.mp4", sounds=()))
    out = tmp_path / "out.mp4"
    assert join(shared_pieces(shared), out, video) == ()
    assert "Audio" not in described(out)
    assert len(pictures(out)) == FRAMES


def test_b51_one_piece_of_one_frame(shared: Path, tmp_path: Path) -> None:
    (part,) = pieces(tmp_path, counts=(1,))
    out = tmp_path / "out.mp4"
    assert join([part], out, probe(shared / "original.mp4"), stop=1) == ()
    assert stamps(out, "v:0") == [0]


def test_hundreds_of_pieces(shared: Path, tmp_path: Path) -> None:
    """Their lengths are no whole microseconds, and what is rounded does not add up."""
    rate = "30000/1001"
    (part,) = pieces(tmp_path, rate, counts=(2,))
    parts = []
    for number in range(100):
        parts.append(tmp_path / f"piece-{number:05d}.mp4")
        parts[-1].hardlink_to(part)
    video = probe(original(tmp_path / "original.mp4", rate=rate))
    out = tmp_path / "out.mp4"
    join(parts, out, video)
    assert stamps(out, "v:0") == [number / Fraction(rate) for number in range(200)]


@pytest.mark.parametrize("name", ["it's; a 'name' ", "a?b#c%d", "12:30", "-y", "ü\n[x]*"])
def test_b71_odd_names(shared: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    parts = [folder / part.name for part in shared_pieces(shared)]
    for part, known in zip(parts, shared_pieces(shared), strict=True):
        part.write_bytes(known.read_bytes())
    whole = folder / f"{name}.mp4"
    whole.write_bytes((shared / "original.mp4").read_bytes())
    out = folder / f"{name} out.mp4"
    assert join(parts, out, probe(whole)) == ()
    assert len(pictures(out)) == FRAMES


# Sound


def test_b48_all_tracks_keep_language_title_and_disposition(shared: Path, tmp_path: Path) -> None:
    path = original(
        tmp_path / "two.mkv",
        *("-metadata:s:a:0", "language=deu", "-metadata:s:a:1", "language=fra", "-metadata:s:a:1", "title=Kommentar"),
        *("-disposition:a:0", "0", "-disposition:a:1", "default+comment"),
        sounds=("sine=500", "sine=900"),
    )
    for suffix in (".mkv", ".mp4"):
        out = tmp_path / f"out{suffix}"
        assert join(shared_pieces(shared), out, probe(path)) == ()
        text = described(out)
        assert re.search(r"\(deu\): Audio: aac", text)
        assert re.search(r"\(fra\): Audio: aac.*\(default\).*\(comment\)", text)
        assert "Kommentar" in text


@pytest.mark.parametrize(
    ("codec", "suffix", "becomes"),
    [
        ("libmp3lame", ".mp4", "mp3"),
        ("ac3", ".mp4", "ac3"),
        ("libopus", ".mp4", "opus"),
        ("alac", ".mp4", "aac"),
        ("pcm_s16le", ".mp4", "aac"),
        ("libvorbis", ".mp4", "aac"),
        ("pcm_s16le", ".mov", "pcm_s16le"),
        ("libopus", ".mov", "aac"),
        ("pcm_s24le", ".mkv", "pcm_s24le"),
        ("flac", ".mkv", "flac"),
        ("libvorbis", ".mkv", "vorbis"),
        ("libmp3lame", ".avi", "mp3"),
        ("pcm_s16le", ".avi", "pcm_s16le"),
        ("libopus", ".avi", "aac"),
    ],
)
def test_sound_is_copied_where_players_expect_it(
    shared: Path, tmp_path: Path, codec: str, suffix: str, becomes: str
) -> None:
    path = original(tmp_path / "original.mkv", "-c:a", codec)
    out = tmp_path / f"out{suffix}"
    notes = join(shared_pieces(shared), out, probe(path))
    assert f"Audio: {becomes}" in described(out)
    name = codec.removeprefix("lib").replace("mp3lame", "mp3")
    assert bool(notes) == (becomes != name)
    if notes:
        assert notes[0].startswith(f"audio track 1 ({name}) becomes AAC, as players of ")
    # All of it: two and a half seconds.
    text = ffmpeg("-v", "error", "-i", out, "-map", "0:a:0", "-f", "s16le", "-ac", "1", "-ar", "8000", tmp_path / "raw")
    assert text == ""
    assert abs((tmp_path / "raw").stat().st_size / 16000 - FRAMES / 25) < 0.1


CLICK = "aevalsrc=if(gt(t\\,1.2)\\,sin(2000*PI*t)\\,0):s=48000"
"""Silent until 1.2 s."""


@pytest.mark.parametrize(
    ("offset", "suffix", "codec"),
    [
        (0.5, ".mp4", "aac"),
        (0.5, ".mkv", "pcm_s16le"),
        (0.5, ".avi", "libmp3lame"),
        (0.03, ".mov", "pcm_s16le"),
        (-0.03, ".mp4", "aac"),
        (-0.03, ".mkv", "aac"),
        (-0.25, ".mp4", "pcm_s16le"),
        (-0.5, ".mkv", "aac"),
    ],
)
def test_b49_sound_that_begins_later_or_earlier_stays_where_it_is(
    shared: Path, tmp_path: Path, offset: float, suffix: str, codec: str
) -> None:
    made = original(tmp_path / "made.mkv", "-c:a", codec, sounds=(CLICK,))
    path = tmp_path / "shifted.mkv"
    ffmpeg("-i", made, "-itsoffset", offset, "-i", made, "-map", "0:v", "-map", "1:a", "-c", "copy", path)
    video = probe(path)
    out = tmp_path / f"out{suffix}"
    join(shared_pieces(shared), out, video)
    shown = [Fraction(0)] if suffix == ".avi" else stamps(out, "v:0")
    step = Fraction(1, 25)
    assert all(abs(later - earlier - step) <= Fraction(1, 500) for earlier, later in pairwise(shown))
    # Where the sound begins much earlier, the pictures wait, and none of it is lost.
    assert (float(shown[0]) > 0.2) == (offset <= -0.25)
    heard = click_after_first_frame(out)
    assert abs(heard - click_after_first_frame(path)) < (0.03 if suffix == ".avi" else 0.01)
    assert abs(heard - (1.2 + offset)) < 0.03


def click_after_first_frame(path: Path) -> float:
    """On the clock that begins with the first frame, whatever clock the file has."""
    said = ffmpeg(
        *("-v", "error", "-copyts", "-i", path, "-map", "0:a:0", "-af"),
        "asetnsamples=n=48:p=0,astats=metadata=1:reset=1,ametadata=print:key=lavfi.astats.Overall.Peak_level:file=-",
        *("-f", "null", "-"),
    )
    times = re.findall(r"pts_time:(\S+)\nlavfi.astats.Overall.Peak_level=(\S+)", said)
    loud = next(float(time) for time, level in times if float(level) > -20)
    # AVI does not say when frames are shown: they begin at 0.
    return loud - (0 if path.suffix == ".avi" else float(stamps(path, "v:0")[0]))


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("aac", ".mp4"), ("pcm_s16le", ".mp4"), ("aac", ".mkv"), ("libmp3lame", ".avi"), ("pcm_s16le", ".avi")],
)
def test_a_range_has_its_own_stretch_of_sound(shared: Path, tmp_path: Path, codec: str, suffix: str) -> None:
    path = original(tmp_path / "original.mkv", "-c:a", codec, sounds=(CLICK,))
    first, *_ = shared_pieces(shared)
    out = tmp_path / f"out{suffix}"
    join([first], out, probe(path), start=20, stop=20 + COUNTS[0])
    assert len(pictures(out)) == COUNTS[0]
    assert abs(click_after_first_frame(out) - (1.2 - 20 / 25)) < 0.04
    sound = stamps(out, "a:0")
    assert float(sound[-1]) <= COUNTS[0] / 25
    if suffix != ".avi":
        assert stamps(out, "v:0")[0] == 0


@pytest.mark.parametrize(
    ("codec", "source", "suffix"),
    [
        ("pcm_s16le", ".mkv", ".mp4"),
        ("pcm_s16le", ".mkv", ".mov"),
        ("pcm_s16le", ".mkv", ".mkv"),
        ("pcm_s16le", ".mkv", ".webm"),
        ("pcm_s16le", ".mkv", ".avi"),
        ("aac", ".mp4", ".mp4"),
        ("aac", ".mp4", ".webm"),
        ("libopus", ".webm", ".mov"),
        ("mp2", ".ts", ".mp4"),
        ("mp2", ".ts", ".mkv"),
    ],
)
def test_a_range_far_from_the_beginning(shared: Path, tmp_path: Path, codec: str, source: str, suffix: str) -> None:
    vp9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")
    path = tmp_path / f"long{source}"
    sound = "aevalsrc=if(gt(t\\,7.2)\\,sin(2000*PI*t)\\,0):s=48000"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25", "-f", "lavfi", "-i", sound, "-t", 9, "-g", 25),
        *(*(vp9 if source == ".webm" else X264), "-c:a", codec, path),
    )
    parts = pieces(tmp_path, counts=(31,), codec=vp9) if suffix == ".webm" else shared_pieces(shared)[:1]
    out = tmp_path / f"out{suffix}"
    join(parts, out, probe(path), start=160, stop=191)
    # Decoders get a packet or two before the beginning, which are not heard.
    assert -0.1 < float(stamps(out, "a:0")[0]) < 0.03
    assert abs(click_after_first_frame(out) - 0.8) < 0.04
    assert 1.1 < float(stamps(out, "a:0")[-1]) <= 1.24


def test_a_range_at_the_beginning_ends_in_time(shared: Path, tmp_path: Path) -> None:
    first, *_ = shared_pieces(shared)
    out = tmp_path / "out.mp4"
    join([first], out, probe(shared / "original.mp4"), stop=COUNTS[0])
    assert float(stamps(out, "a:0")[-1]) <= COUNTS[0] / 25
    assert len(pictures(out)) == COUNTS[0]


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a", ".flac", ".ogg"])
def test_another_sound_instead(shared: Path, tmp_path: Path, suffix: str) -> None:
    sound = tmp_path / f"sound{suffix}"
    ffmpeg("-f", "lavfi", "-i", CLICK, "-t", 9, sound)
    out = tmp_path / "out.mp4"
    notes = join(shared_pieces(shared), out, probe(shared / "original.mp4"), sound=Soundtrack(sound))
    assert bool(notes) == (suffix not in {".mp3", ".m4a"})
    assert described(out).count("Audio:") == 1
    assert abs(click_after_first_frame(out) - 1.2) < 0.04
    assert float(stamps(out, "a:0")[-1]) <= FRAMES / 25
    assert stamps(out, "v:0")[0] == 0


def test_another_sound_that_is_none(shared: Path, tmp_path: Path) -> None:
    for content, said in ((b"no sound", "not a sound"), ((shared / "piece-0.mp4").read_bytes(), "but no sound")):
        (tmp_path / "sound.wav").write_bytes(content)
        with pytest.raises(InputError, match=said):
            join(
                shared_pieces(shared),
                tmp_path / "out.mp4",
                probe(shared / "original.mp4"),
                sound=Soundtrack(tmp_path / "sound.wav"),
            )


# Subtitles, chapters, tags

SRT = "1\n00:00:00,500 --> 00:00:01,000\nHallo\n\n2\n00:00:01,600 --> 00:00:02,200\nWelt\n"
CHAPTERS = (
    ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=Eins\n"
    "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2400\ntitle=Zwei\n"
)


def with_subtitles(folder: Path, suffix: str, codec: str) -> Path:
    (folder / "text.srt").write_text(SRT)
    made = original(folder / "made.mp4")
    path = folder / f"titled{suffix}"
    ffmpeg(
        "-i",
        made,
        "-i",
        folder / "text.srt",
        "-map",
        0,
        "-map",
        1,
        "-c",
        "copy",
        "-c:s",
        codec,
        "-metadata:s:s:0",
        "language=fra",
        path,
    )
    return path


def subtitles(path: Path) -> str:
    return ffmpeg("-v", "error", "-i", path, "-map", "0:s:0", "-f", "srt", "-")


@pytest.mark.parametrize(
    ("source", "codec", "suffix", "becomes"),
    [
        (".mkv", "srt", ".mkv", "subrip"),
        (".mkv", "ass", ".mkv", "ass"),
        (".mkv", "srt", ".mp4", "mov_text"),
        (".mkv", "ass", ".mov", "mov_text"),
        (".mp4", "mov_text", ".mp4", "mov_text"),
        (".mp4", "mov_text", ".mkv", "subrip"),
    ],
)
def test_subtitles(shared: Path, tmp_path: Path, source: str, codec: str, suffix: str, becomes: str) -> None:
    path = with_subtitles(tmp_path, source, codec)
    out = tmp_path / f"out{suffix}"
    assert join(shared_pieces(shared), out, probe(path)) == ()
    assert re.search(rf"\(fra\): Subtitle: {becomes}", described(out))
    text = subtitles(out)
    assert "00:00:00,500 --> 00:00:01,000" in text
    assert "00:00:01,600 --> 00:00:02,200" in text
    assert "Hallo" in text


def test_subtitles_of_a_range(shared: Path, tmp_path: Path) -> None:
    path = with_subtitles(tmp_path, ".mkv", "srt")
    for suffix in (".mkv", ".mp4"):
        out = tmp_path / f"out{suffix}"
        join([shared / "piece-0.mp4"], out, probe(path), start=25, stop=25 + COUNTS[0])
        text = subtitles(out)
        assert "00:00:00,600 --> 00:00:01,200" in text
        assert "Hallo" not in text
        assert len(pictures(out)) == COUNTS[0]


def test_subtitles_that_do_not_fit_are_named(shared: Path, tmp_path: Path) -> None:
    path = with_subtitles(tmp_path, ".mkv", "srt")
    assert join(shared_pieces(shared), tmp_path / "out.avi", probe(path)) == (
        "subtitle track 1 (subrip) is left out, which AVI cannot hold.",
    )
    pictures_in_it = replace(probe(path), subtitles=(SubtitleTrack(2, "hdmv_pgs_subtitle"),))
    assert join(shared_pieces(shared), tmp_path / "out.mp4", pictures_in_it) == (
        "subtitle track 1 (hdmv_pgs_subtitle) is left out, which MP4 cannot hold.",
    )
    assert "Subtitle" not in described(tmp_path / "out.mp4")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_chapters_and_titles(shared: Path, tmp_path: Path, suffix: str) -> None:
    (tmp_path / "chapters").write_text(CHAPTERS)
    path = tmp_path / "chaptered.mp4"
    ffmpeg(
        *("-i", shared / "original.mp4", "-i", tmp_path / "chapters", "-map", 0, "-map_chapters", 1, "-c", "copy"),
        *("-metadata", "title=A = B; #1", "-metadata", "creation_time=2020-02-03T04:05:06Z", path),
    )
    out = tmp_path / f"out{suffix}"
    assert join(shared_pieces(shared), out, probe(path)) == ()
    text = described(out)
    assert re.findall(r"Chapter #0:\d: start (\S+), end (\S+)", text) == [
        ("0.000000", "1.000000"),
        ("1.000000", "2.400000"),
    ]
    assert "Eins" in text
    assert re.search(r"title +: A = B; #1", text)
    assert "2020-02-03T04:05:06" in text
    join([shared / "piece-0.mp4"], out, probe(path), start=10, stop=10 + COUNTS[0])
    assert re.findall(r"Chapter #0:\d: start (\S+), end (\S+)", described(out)) == [
        ("0.000000", "0.600000"),
        ("0.600000", "1.240000"),
    ]


APPLE = {
    "com.apple.quicktime.location.ISO6709": "+48.1+011.5+500/",
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.content.identifier": "1234-5678",
    "location": "+48.1+011.5/",
    "location-eng": "+48.1+011.5/",
    "artist": "Somebody",
    "title": "Holiday",
}


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_places_and_names_are_left_out_unless_asked_for(
    shared: Path, tmp_path: Path, suffix: str, *, keep: bool
) -> None:
    path = tmp_path / "phone.mov"
    tags = [word for key, value in APPLE.items() for word in ("-metadata", f"{key}={value}")]
    ffmpeg("-i", shared / "original.mp4", "-c", "copy", "-movflags", "use_metadata_tags", *tags, path)
    out = tmp_path / f"out{suffix}"
    join(shared_pieces(shared), out, probe(path), keep_metadata=keep)
    data = out.read_bytes()
    assert (b"+48.1" in data) == keep
    assert (b"1234-5678" in data) == keep
    assert (b"Somebody" in data) == keep
    text = described(out)
    assert "Holiday" in text
    assert re.search("com.apple.quicktime.make", text, re.IGNORECASE)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_cover_shows_the_old_face(shared: Path, tmp_path: Path, suffix: str, *, keep: bool) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32", "-frames:v", 1, tmp_path / "cover.png")
    path = tmp_path / "covered.mp4"
    ffmpeg(
        *("-i", shared / "original.mp4", "-i", tmp_path / "cover.png", "-map", 0, "-map", 1, "-c", "copy"),
        *("-disposition:v:1", "attached_pic", path),
    )
    assert "attached pic" in described(path)
    out = tmp_path / f"out{suffix}"
    join(shared_pieces(shared), out, probe(path), keep_metadata=keep)
    assert ("attached pic" in described(out)) == keep
    assert len(pictures(out)) == FRAMES
    if keep:
        again = tmp_path / f"again{suffix}"
        assert join(shared_pieces(shared), again, probe(out), keep_metadata=True) == ()
        assert "attached pic" in described(again)
        # Not a byte of it is another.
        ffmpeg("-i", again, "-map", "0:disp:attached_pic", "-c", "copy", "-f", "data", tmp_path / "again.png")
        assert (tmp_path / "again.png").read_bytes() == (tmp_path / "cover.png").read_bytes()


def with_fonts(shared: Path, folder: Path) -> Path:
    """A video with a font, notes and a cover attached."""
    (folder / "font.ttf").write_bytes(b"a font")
    (folder / "notes.txt").write_bytes(b"some notes")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32", "-frames:v", 1, folder / "cover.jpg")
    kinds = {"font.ttf": "font/ttf", "notes.txt": "text/plain", "cover.jpg": "image/jpeg"}
    words = [
        word
        for number, (name, kind) in enumerate(kinds.items())
        for word in ("-attach", folder / name, f"-metadata:s:t:{number}", f"mimetype={kind}")
    ]
    path = folder / "attached.mkv"
    ffmpeg("-i", shared / "original.mp4", "-map", 0, "-c", "copy", *words, path)
    return path


@pytest.mark.parametrize("keep", [False, True])
def test_fonts_stay_and_other_files_do_if_asked_for(shared: Path, tmp_path: Path, *, keep: bool) -> None:
    path = with_fonts(shared, tmp_path)
    out = tmp_path / "out.mkv"
    notes = join(shared_pieces(shared), out, probe(path), keep_metadata=keep)
    assert notes == (() if keep else ("an attached file is left out.",))
    data = out.read_bytes()
    assert b"a font" in data
    assert b"font/ttf" in data
    assert (b"some notes" in data) == keep
    assert ((tmp_path / "cover.jpg").read_bytes() in data) == keep
    assert len(pictures(out)) == FRAMES


@pytest.mark.parametrize(("suffix", "name"), [(".mp4", "MP4"), (".avi", "AVI")])
def test_attached_files_that_do_not_fit_are_named(shared: Path, tmp_path: Path, suffix: str, name: str) -> None:
    path = with_fonts(shared, tmp_path)
    notes = join(shared_pieces(shared), tmp_path / f"out{suffix}", probe(path), keep_metadata=True)
    cover = () if suffix == ".mp4" else (f"a cover picture is left out, which {name} cannot hold.",)
    assert notes == (f"a font is left out, which {name} cannot hold.", "an attached file is left out.", *cover)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_tags_of_any_size_and_with_any_characters(shared: Path, tmp_path: Path, suffix: str) -> None:
    """Together they are longer than the arguments of a program can be."""
    odd = "1 = 2; #3\n\\4 [STREAM] "
    tags = {"title": odd}
    if suffix == ".mkv":
        tags |= {f"note{number}": f"{number} " * 30_000 for number in range(60)}
    (tmp_path / "tags").write_text(format_tags([tags, {}]))
    path = tmp_path / f"tagged{suffix}"
    arguments = ["-i", shared / "original.mp4", "-f", "ffmetadata", "-i", tmp_path / "tags", "-map", 0]
    ffmpeg(*arguments, "-c", "copy", "-map_metadata", 1, "-metadata:s:a:0", "language=deu", path)
    out = tmp_path / f"out{suffix}"
    assert join(shared_pieces(shared), out, probe(path)) == ()
    whole, _, sound = read_tags(probe(out), ["a:0"])
    assert {key: value for key, value in whole.items() if key.lower() in tags} == {
        key.upper() if key != "title" else key: value for key, value in tags.items()
    }
    assert sound["language"] == "deu"
    assert not [*shared.glob("unfinished-*")]


@pytest.mark.parametrize("keep", [False, True])
def test_time_code_is_left_out_unless_asked_for(shared: Path, tmp_path: Path, *, keep: bool) -> None:
    path = tmp_path / "coded.mov"
    ffmpeg("-i", shared / "original.mp4", "-c", "copy", "-timecode", "01:02:03:04", path)
    assert "tmcd" in described(path)
    out = tmp_path / "out.mov"
    join(shared_pieces(shared), out, probe(path), keep_metadata=keep)
    assert ("tmcd" in described(out)) == keep


def test_b39_what_was_turned_is_not_turned_again(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", 90, "-i", shared / "original.mp4", "-c", "copy", path)
    assert "rotation" in described(path)
    out = tmp_path / "out.mp4"
    join(shared_pieces(shared), out, probe(path))
    assert "rotation" not in described(out)


# What can go wrong


def test_pieces_that_are_missing_or_broken(shared: Path, tmp_path: Path) -> None:
    video = probe(shared / "original.mp4")
    parts = [tmp_path / part.name for part in shared_pieces(shared)]
    for part, known in zip(parts, shared_pieces(shared), strict=True):
        part.write_bytes(known.read_bytes())
    parts[1].write_bytes(b"not a video")
    with pytest.raises(OutputError, match=r"piece-1\.mp4"):
        join(parts, tmp_path / "out.mp4", video)
    parts[1].unlink()
    with pytest.raises(OutputError, match=r"piece-1\.mp4"):
        join(parts, tmp_path / "out.mp4", video)


def test_f18_an_ffmpeg_that_loses_frames_is_noticed(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = probe(shared / "original.mp4")
    fake = tmp_path / "ffmpeg"
    fake.write_text(
        "#!/bin/sh\n"
        "other='s/^-disposition:v:0$/-frames:v/;s/^default$/50/'\n"
        'case "$*" in *concat*) set -- $(printf "%s\\n" "$@" | sed "$other");; esac\n'
        f'exec {ffmpeg_program()} "$@"\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake))
    with pytest.raises(OutputError, match="50 frames instead of 60"):
        join(shared_pieces(shared), tmp_path / "out.mp4", video)


def pretend(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a shell script in ffmpeg's place, in which "$FFMPEG" is the real one."""
    fake = folder / "ffmpeg"
    fake.write_text(f'#!/bin/sh\nFFMPEG="{ffmpeg_program()}"\n{script}\nexec "$FFMPEG" "$@"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake))


@pytest.mark.parametrize(
    ("suffix", "change", "said"),
    [
        (".mp4", "s/drop=.lt.*/drop=1/", "audio track 1 is missing in the joined video"),
        (".mp4", "s/drop=.lt.*/drop='lt(n,30)'/", r"audio track 1 begins 0\.[5-7] seconds too late in the joined"),
        (".webm", "s/atrim=start=0/atrim=start=99/", "audio track 1 is missing: what is left out cannot be decoded"),
        (".webm", "s/atrim=start=0/atrim=start=1/", "audio track 1 begins 1.0 seconds too late: what is left out"),
    ],
)
@pytest.mark.parametrize("start", [0, 5])
def test_sound_that_is_lost_is_noticed(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, change: str, said: str, start: int
) -> None:
    video = probe(shared / "original.mp4")
    vp9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")
    parts = pieces(tmp_path, counts=(50,), codec=vp9) if suffix == ".webm" else shared_pieces(shared)
    (tmp_path / "change").write_text(change)
    swap = f'case "$*" in *concat*) set -- $(printf "%s\\n" "$@" | sed -f "{tmp_path}/change");; esac'
    pretend(tmp_path, monkeypatch, swap)
    out = tmp_path / f"out{suffix}"
    if suffix == ".webm":
        *_, note = join(parts, out, video, start=start, stop=start + 50)
        assert note.startswith(said)
    else:
        with pytest.raises(OutputError, match=said):
            join(parts, out, video, start=start, stop=start + 55)


def test_sound_that_ends_before_the_range_is_not_missed(shared: Path, tmp_path: Path) -> None:
    made = original(tmp_path / "made.mkv", "-c:a", "pcm_s16le")
    path = tmp_path / "short.mkv"
    ffmpeg("-i", made, "-t", 1, "-i", made, "-map", "0:v", "-map", "1:a", "-c", "copy", path)
    (part,) = pieces(tmp_path, counts=(20,))
    for suffix in (".mp4", ".mkv"):
        join([part], tmp_path / f"out{suffix}", probe(path), start=40)
        assert len(pictures(tmp_path / f"out{suffix}")) == 20


def test_sound_that_cannot_be_decoded_is_named(shared: Path, tmp_path: Path) -> None:
    made = original(tmp_path / "made.mkv", "-c:a", "alac")
    path = tmp_path / "noise.mkv"
    ffmpeg("-i", made, "-c", "copy", "-bsf:a", "noise=amount=1", path)
    out = tmp_path / "out.mp4"
    *_, note = join(shared_pieces(shared), out, probe(path))
    assert note == "audio track 1 is missing: what is left out cannot be decoded."
    assert len(pictures(out)) == FRAMES


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands for ffmpeg")
@pytest.mark.parametrize("which", ["-frames:a", "ffmetadata pipe:1", "-f data"])
def test_f16_an_ffmpeg_that_is_killed_while_it_reads_loses_nothing_in_silence(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    video = probe(with_fonts(shared, tmp_path))
    pretend(tmp_path, monkeypatch, f'case "$*" in *"{which}"*) kill -9 $$;; esac')
    with pytest.raises(InputError, match="ffmpeg was stopped by signal 9"):
        join(shared_pieces(shared), tmp_path / "out.mkv", video, keep_metadata=True)


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands for ffmpeg")
@pytest.mark.parametrize(
    ("end", "said"),
    [("kill -9 $$", "stopped by signal 9"), ("echo moon >&2; exit 3", 'to its end: ffmpeg says "moon"')],
)
def test_an_ffmpeg_that_ends_while_it_lists_packets(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, said: str
) -> None:
    pretend(tmp_path, monkeypatch, f'case "$*" in *framecrc*) "$FFMPEG" "$@" | head -n 30; {end};; esac')
    with pytest.raises(InputError, match=said):
        probe(shared / "original.mp4")


def test_an_ffmpeg_that_fails_is_quoted(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = probe(shared / "original.mp4")
    fake = tmp_path / "ffmpeg"
    fake.write_text(
        f'#!/bin/sh\ncase "$*" in *concat*) echo "the moon is full" >&2; exit 3;; esac\nexec {ffmpeg_program()} "$@"\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake))
    with pytest.raises(OutputError, match="the moon is full"):
        join(shared_pieces(shared), tmp_path / "out.mp4", video)


def test_f06_a_full_disk(shared: Path, disk: Callable[[str], Path]) -> None:
    folder = disk("size=16k")
    with pytest.raises(OutputError, match="no space"):
        join(shared_pieces(shared), folder / "out.mp4", probe(shared / "original.mp4"))


def test_a_folder_that_is_gone(shared: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        join(shared_pieces(shared), tmp_path / "none" / "out.mp4", probe(shared / "original.mp4"))


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.gif", "auto"),
        ("a", "h264"),
        ("a.webm", "h264"),
        ("a.mp4", "prores"),
        ("a.avi", "hevc_nvenc"),
        ("a.mov", "vp9"),
    ],
)
def test_containers_that_do_not_fit(name: str, codec: str) -> None:
    with pytest.raises(UsageError):
        check_container(Path(name), codec)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "auto"),
        ("a.MP4", "h264_nvenc"),
        ("a.webm", "vp9"),
        ("a.mov", "prores"),
        ("a.mkv", "av1"),
        ("a.avi", "h264"),
    ],
)
def test_containers_that_fit(name: str, codec: str) -> None:
    check_container(Path(name), codec)
