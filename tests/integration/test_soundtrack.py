"""Another sound beside pictures: claps are heard when they are seen, to well under a frame."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefusion_cli.core.media.audio.reader import SAMPLE_RATE, VoiceReader
from facefusion_cli.core.media.video.ffmpeg import ffmpeg_program
from facefusion_cli.core.media.video.join import Soundtrack, join
from facefusion_cli.core.media.video.mixing import mix
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.media.video.probe import Video

    Maker = Callable[..., list[Path]]
    Voice = Callable[[str], Path]

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p")
FPS = Fraction(30000, 1001)
CLAPS = (3, 60, 64, 100, 147, 200, 207, 702, 760, 790, 845)
"""Frames of the whole timeline."""
COUNTS = (70, 11, 69)
FRAMES = sum(COUNTS)
NEAR = 0.012
"""Seconds: a third of a frame; half of what decoders of AAC and MP3 need to begin."""


def ffmpeg(*arguments: object, fed: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [ffmpeg_program(), "-hide_banner", "-nostdin", "-y", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, input=fed or b"")
    assert run.returncode == 0, run.stderr.decode()
    return run


def flashes(path: Path, frames: int, white: Sequence[int], fps: Fraction = FPS, codec: Sequence[str] = X264) -> Path:
    """A video that is black but for some frames."""
    picture = np.zeros((frames, 32, 32), np.uint8)
    picture[[*white]] = 255
    raw = ("-f", "rawvideo", "-pix_fmt", "gray", "-s", "32x32", "-r", fps, "-i", "pipe:0")
    ffmpeg("-v", "error", *raw, *codec, path, fed=picture.tobytes())
    return path


def pieces(folder: Path, white: Sequence[int], codec: Sequence[str] = X264) -> list[Path]:
    """With flashes at those of their frames."""
    paths, before = [], 0
    for number, count in enumerate(COUNTS):
        own = [frame - before for frame in white if 0 <= frame - before < count]
        paths.append(flashes(folder / f"piece-{number}.mp4", count, own, codec=codec))
        before += count
    return paths


def claps(times: Sequence[Fraction | float], seconds: float, rate: int = 48000) -> NDArray[np.float32]:
    """Silence with bursts of 2 kHz, 10 ms long."""
    sound = np.zeros(round(seconds * rate), np.float32)
    burst = np.cos(np.arange(rate // 100) * 2 * np.pi * 2000 / rate).astype(np.float32) * 0.7
    for time in times:
        at = round(float(time) * rate)
        sound[at : at + len(burst)] = burst[: len(sound) - at]
    return sound


def write(path: Path, sound: NDArray[np.float32], *options: object, rate: int = 48000) -> Path:
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    raw = ("-f", "f32le", "-ar", rate, "-ac", channels, "-i", "pipe:0")
    ffmpeg("-v", "error", *raw, *(options or (*_encoder(path),)), path, fed=sound.astype("<f4").tobytes())
    return path


def _encoder(path: Path) -> Sequence[object]:
    return ("-strict", "-2") if path.suffix == ".dts" else ()


def seen(path: Path, *, begin: float = 0.0, frames: int | None = None) -> list[float]:
    """When there are flashes, on the file's clock."""
    window = ("-ss", begin) if begin else ()
    count = () if frames is None else ("-frames:v", frames)
    shown = ffmpeg(
        *("-v", "error", "-copyts", *window, "-i", path, "-map", "0:v:0", *count, "-fps_mode", "passthrough"),
        *("-pix_fmt", "gray", "-f", "rawvideo", "pipe:1"),
    ).stdout
    listed = ffmpeg(
        *("-v", "error", "-copyts", *window, "-i", path, "-map", "0:v:0", *count, "-fps_mode", "passthrough"),
        *("-f", "framecrc", "-enc_time_base", "demux", "pipe:1"),
    ).stdout.decode()
    tick = Fraction(re.findall(r"#tb 0: (\S+)", listed)[0])
    stamps = [int(line.split(",")[2]) * tick for line in listed.splitlines() if line[:1] == "0"]
    light = np.frombuffer(shown, np.uint8).reshape(-1, 32 * 32).mean(axis=1)
    assert len(stamps) == len(light)
    return [float(stamp) for stamp, level in zip(stamps, light, strict=True) if level > 128]


def samples(path: Path, *options: object, rate: int = 48000) -> NDArray[np.float32]:
    """What is heard from second 0 of the file's clock on, as one channel."""
    filters = f"aresample={rate}:async=1:first_pts=0,pan=mono|c0=c0"
    decoded = ffmpeg(
        "-v", "error", "-copyts", *options, "-i", path, "-map", "0:a:0", "-af", filters, "-f", "f32le", "pipe:1"
    )
    return np.frombuffer(decoded.stdout, "<f4")


def onsets(sound: NDArray[np.float32], rate: int = 48000) -> list[float]:
    loud = np.flatnonzero(np.abs(sound) > 0.25)
    first = np.diff(loud, prepend=-rate) > rate // 20
    return [float(at) / rate for at in loud[first]]


def assert_together(path: Path, expected: Sequence[int], near: float = NEAR, fps: Fraction = FPS) -> None:
    """Flashes are at those frames, and claps with them."""
    flashed = seen(path)
    assert flashed == pytest.approx([float(frame / fps) for frame in expected], abs=0.0006)
    assert onsets(samples(path)) == pytest.approx(flashed, abs=near)


def within(start: int) -> list[int]:
    """Claps in the stretch from that frame on, on its own count."""
    return [frame - start for frame in CLAPS if 0 <= frame - start < FRAMES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("soundtrack")


@pytest.fixture(scope="module")
def silent(folder: Path) -> Video:
    """The video whose pictures were changed, without sound; longer than what is made of it."""
    return probe(flashes(folder / "silent.mp4", 900, []))


@pytest.fixture(scope="module")
def made(folder: Path) -> Maker:
    known: dict[tuple[int, bool], list[Path]] = {}

    def make(start: int, codec: Sequence[str] = X264) -> list[Path]:
        key = (start, codec is VP9)
        if key not in known:
            place = folder / f"pieces-{start}-{codec is VP9}"
            place.mkdir()
            known[key] = pieces(place, within(start), codec)
        return known[key]

    return make


@pytest.fixture(scope="module")
def voice(folder: Path) -> Voice:
    """The claps as a file of that name."""
    sound = claps([frame / FPS for frame in CLAPS], 32)
    options = {"opus.ogg": ("-c:a", "libopus"), "vbr.mp3": ("-q:a", "4"), "float.wav": ("-c:a", "pcm_f32le")}

    def make(name: str) -> Path:
        path = folder / f"voice-{name}"
        if not path.exists():
            write(path, np.stack([sound, sound], 1), *options.get(name, ()))
        return path

    return make


@pytest.mark.parametrize("start", [0, 700])
@pytest.mark.parametrize(
    ("name", "suffix", "becomes"),
    [
        ("a.wav", ".mp4", "aac"),
        ("a.m4a", ".mp4", "aac"),
        ("a.aac", ".mp4", "aac"),
        ("a.mp3", ".mp4", "mp3"),
        ("vbr.mp3", ".mov", "mp3"),
        ("a.ac3", ".mp4", "ac3"),
        ("a.opus", ".mp4", "opus"),
        ("a.flac", ".mp4", "aac"),
        ("a.wav", ".mov", "pcm_s16le"),
        ("a.opus", ".mkv", "opus"),
        ("a.flac", ".mkv", "flac"),
        ("a.mp3", ".mkv", "mp3"),
        ("a.m4a", ".mkv", "aac"),
        ("float.wav", ".mkv", "pcm_f32le"),
        ("a.opus", ".webm", "opus"),
        ("a.ogg", ".webm", "vorbis"),
        ("a.mp3", ".webm", "opus"),
    ],
)
def test_claps_are_heard_when_they_are_seen(
    silent: Video, made: Maker, voice: Voice, tmp_path: Path, name: str, suffix: str, becomes: str, start: int
) -> None:
    out = tmp_path / f"out{suffix}"
    sound = Soundtrack(voice(name), start / FPS)
    notes = join(
        made(start, VP9 if suffix == ".webm" else X264), out, silent, start=start, stop=start + FRAMES, sound=sound
    )
    late = {"a.aac": 0.022, "a.ac3": 0.006}.get(name, 0)  # files that do not tell what their decoders need to begin
    assert_together(out, within(start), NEAR + late)
    text = ffmpeg("-i", out, "-map", "0:v:0", "-t", "0", "-f", "null", "-").stderr.decode().split("Output #0")[0]
    assert f"Audio: {becomes}" in text
    assert text.count("Audio:") == 1
    assert len(notes) == (name[2:] != becomes and (name, becomes) in ENCODED)
    assert len(samples(out)) / 48000 == pytest.approx(float(FRAMES / FPS), abs=0.065)


ENCODED = {("a.wav", "aac"), ("a.flac", "aac"), ("a.mp3", "opus")}


@pytest.mark.parametrize("name", ["a.m4a", "a.mp3", "a.wav"])
def test_a_part_from_a_little_after_the_beginning(
    silent: Video, made: Maker, voice: Voice, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out.mp4"
    join(made(61), out, silent, start=61, stop=61 + FRAMES, sound=Soundtrack(voice(name), 61 / FPS))
    assert_together(out, within(61))


@pytest.mark.parametrize("start", [0, 700])
@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.flac"])
def test_claps_in_avi(silent: Video, made: Maker, voice: Voice, tmp_path: Path, name: str, start: int) -> None:
    """It does not say when a track begins: half a packet is the most that a copied one may be off."""
    out = tmp_path / "out.avi"
    join(made(start), out, silent, start=start, stop=start + FRAMES, sound=Soundtrack(voice(name), start / FPS))
    expected = [float(frame / FPS) for frame in within(start)]
    assert onsets(samples(out)) == pytest.approx(expected, abs=0.026 if name == "a.mp3" else NEAR)
    assert probe(out).frames == FRAMES


@pytest.mark.parametrize("name", ["a.flac", "a.m4a"])
def test_slow_sound_does_not_fall_behind_in_avi(silent: Video, made: Maker, tmp_path: Path, name: str) -> None:
    """A packet of many bytes counts as two there."""
    noise = np.random.default_rng(4).normal(0, 0.1, 16000 * 5).astype(np.float32)
    quiet = slice(16000 * 4, 16000 * 5)
    noise[quiet] = claps([0.5], 1, 16000)
    sound = write(tmp_path / name, noise, *(("-c:a", "aac", "-b:a", "96k") if name == "a.m4a" else ()), rate=16000)
    out = tmp_path / "out.avi"
    (note,) = join(made(0), out, silent, sound=Soundtrack(sound))
    assert note.endswith(" becomes AAC, as players of AVI expect.")
    assert onsets(samples(out)[48000 * 4 :]) == pytest.approx([0.5], abs=NEAR)


def lips(path: Path) -> list[float]:
    """When claps move the lips, on the sound's own clock."""
    with VoiceReader(path) as reader:
        return onsets(np.concatenate([*reader]), SAMPLE_RATE)


@pytest.mark.parametrize(
    "name", ["a.wav", "a.m4a", "a.aac", "a.mp3", "vbr.mp3", "a.ac3", "a.opus", "a.ogg", "a.flac", "a.mka", "a.ts"]
)
def test_lips_move_with_what_is_heard(silent: Video, made: Maker, voice: Voice, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out.mp4"
    join(made(700), out, silent, start=700, stop=700 + FRAMES, sound=Soundtrack(voice(name), 700 / FPS))
    moved = [time - float(700 / FPS) for time in lips(voice(name))[-4:]]
    assert onsets(samples(out)) == pytest.approx(moved, abs=0.002)


@pytest.mark.parametrize("start", [0, 75])
@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.mp4", ".mp4"),
        ("a.mkv", ".mp4"),
        ("a.ts", ".mp4"),
        ("a.mp4", ".mkv"),
        ("a.mp4", ".avi"),
        ("a.mov", ".mov"),
        ("a.mov", ".avi"),
    ],
)
def test_b49_sound_of_a_video_that_begins_after_its_pictures(
    silent: Video, tmp_path: Path, name: str, suffix: str, start: int
) -> None:
    """The lips are moved by it, silence before it and all; so it is heard then."""
    late, times = 0.5, [0.1, 3.0, 4.0]
    sound = write(tmp_path / "sound.wav", claps(times, 6))
    film = flashes(tmp_path / "film.mp4", 180, [])
    codec = ("-c:a", "pcm_s16le") if name == "a.mov" else ("-c:a", "aac")
    # Two steps, as what is encoded would be moved by whole packets.
    ffmpeg("-i", sound, *codec, tmp_path / "sound.mkv")
    path = tmp_path / name
    ffmpeg("-i", film, "-itsoffset", late, "-i", tmp_path / "sound.mkv", "-map", 0, "-map", 1, "-c", "copy", path)
    expected = [late + time - float(start / FPS) for time in times if late + time >= float(start / FPS)]
    assert lips(path)[-len(expected) :] == pytest.approx([one + float(start / FPS) for one in expected], abs=NEAR)
    parts = pieces(tmp_path, [])
    out = tmp_path / f"out{suffix}"
    notes = join(parts, out, silent, start=start, stop=start + FRAMES, sound=Soundtrack(path, start / FPS))
    assert onsets(samples(out)) == pytest.approx(expected, abs=0.024 if suffix == ".avi" else NEAR)
    encoded = (name, suffix, start) == ("a.mp4", ".avi", 0)
    assert notes == (("the sound (aac) becomes AAC, for AVI cannot say when it begins.",) if encoded else ())


# Sound of another length


@pytest.mark.parametrize(
    ("name", "suffix"), [("a.wav", ".mp4"), ("a.wav", ".mov"), ("a.wav", ".avi"), ("a.flac", ".webm")]
)
def test_what_is_missing_is_silent_to_the_end(
    silent: Video, made: Maker, tmp_path: Path, name: str, suffix: str
) -> None:
    sound = write(tmp_path / name, claps([0.2, 1.0], 1.5))
    out = tmp_path / f"out{suffix}"
    parts = made(0, VP9 if suffix == ".webm" else X264)
    join(parts, out, silent, stop=FRAMES, sound=Soundtrack(sound))
    heard = samples(out)
    assert onsets(heard) == pytest.approx([0.2, 1.0], abs=NEAR)
    assert len(heard) / 48000 == pytest.approx(float(FRAMES / FPS), abs=0.022 if suffix != ".mov" else 0.00003)
    assert float(np.abs(heard[72500:]).max()) < 0.01


def test_copied_sound_may_end_before_the_pictures(silent: Video, made: Maker, tmp_path: Path) -> None:
    sound = write(tmp_path / "a.m4a", claps([0.2, 1.0], 1.5))
    out = tmp_path / "out.mp4"
    assert join(made(0), out, silent, stop=FRAMES, sound=Soundtrack(sound)) == ()
    assert onsets(samples(out)) == pytest.approx([0.2, 1.0], abs=NEAR)
    assert probe(out).frames == FRAMES


@pytest.mark.parametrize("name", ["a.wav", "a.m4a"])
def test_no_sound_in_the_part_that_is_made(silent: Video, made: Maker, tmp_path: Path, name: str) -> None:
    sound = write(tmp_path / name, claps([0.2, 1.0], 1.5))
    for start in (60, 700):
        out = tmp_path / f"out-{start}.mp4"
        notes = join(made(700), out, silent, start=start, sound=Soundtrack(sound, start / FPS))
        assert notes == (f'"{name}" has no sound in this part: nothing is heard.',)
        assert probe(out).audio == ()
        assert probe(out).frames == FRAMES


@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
def test_plain_samples_are_kept_to_the_bit(silent: Video, made: Maker, tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(3).uniform(-0.9, 0.9, (48000 * 8, 2)).astype(np.float32)
    sound = write(tmp_path / "a.wav", noise, "-c:a", "pcm_s24le")
    out = tmp_path / f"out{suffix}"
    assert join(made(0), out, silent, start=61, sound=Soundtrack(sound, 61 / FPS)) == ()
    raw = ("-map", "0:a:0", "-f", "s24le", "-c:a", "pcm_s24le", "pipe:1")
    whole, part = ffmpeg("-i", sound, *raw).stdout, ffmpeg("-i", out, *raw).stdout
    first, count = round(61 / FPS * 48000), round(FRAMES / FPS * 48000)
    assert part == whole[first * 6 : (first + count) * 6]


# Sound of all kinds


KINDS = {
    "a.wav": (),
    "pcm8.wav": ("-c:a", "pcm_u8"),
    "long.wav": ("-rf64", "always"),
    "a.w64": (),
    "a.aiff": (),
    "a.au": (),
    "a.caf": (),
    "alac.caf": ("-c:a", "alac"),
    "a.flac": (),
    "a.wv": (),
    "a.tta": (),
    "a.mp3": (),
    "a.mp2": (),
    "a.aac": (),
    "a.m4a": (),
    "alac.m4a": ("-c:a", "alac"),
    "a.ogg": (),
    "a.opus": (),
    "a.ac3": (),
    "a.eac3": (),
    "a.dts": ("-strict", "-2"),
    "a.amr": ("-ar", "8000", "-ac", "1"),
    "a.mka": (),
    "a.wma": (),
    "a.webm": (),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_is_heard_from_its_middle(silent: Video, made: Maker, tmp_path: Path, name: str) -> None:
    times = [70 / FPS, 130 / FPS, 200 / FPS]
    path = write(tmp_path / name, claps(times, 14), *KINDS[name])
    out = tmp_path / "out.mp4"
    join(made(61), out, silent, start=61, stop=61 + FRAMES, sound=Soundtrack(path, 61 / FPS))
    # Windows Media's decoder needs a whole packet to begin, of which its files say nothing.
    near = 0.05 if name == "a.wma" else 0.03
    assert onsets(samples(out)) == pytest.approx([float(one - 61 / FPS) for one in times], abs=near)


def test_b60_b61_files_that_name_others_are_not_read(silent: Video, made: Maker, voice: Voice, tmp_path: Path) -> None:
    target = voice("a.wav")
    lists = {
        "concat.wav": f"ffconcat version 1.0\nfile '{target}'\n",
        "list.wav": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match="not a sound"):
            join(made(0), tmp_path / "out.mp4", silent, sound=Soundtrack(tmp_path / name))


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_mp3_of_a_rate_that_mp4_does_not_know(silent: Video, made: Maker, tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / "a.mp3", claps([1.0, 3.0], 5), "-ar", "11025")
    out = tmp_path / f"out{suffix}"
    notes = join(made(0), out, silent, sound=Soundtrack(path))
    assert notes == (("the sound (mp3) becomes AAC, as players of MP4 expect.",) if suffix == ".mp4" else ())
    assert onsets(samples(out)) == pytest.approx([1.0, 3.0], abs=NEAR)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize("channels", [1, 3, 6, 7, 8, 16])
def test_any_number_of_channels(silent: Video, made: Maker, tmp_path: Path, channels: int, suffix: str) -> None:
    path = write(tmp_path / "a.wav", np.tile(claps([1.0, 3.0], 5)[:, None], channels))
    out = tmp_path / f"out{suffix}"
    join(made(0, VP9 if suffix == ".webm" else X264), out, silent, sound=Soundtrack(path))
    assert onsets(samples(out)) == pytest.approx([1.0, 3.0], abs=NEAR)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_what_is_no_number_is_silent(silent: Video, made: Maker, tmp_path: Path, suffix: str) -> None:
    sound = claps([1.0, 3.0], 5)
    sound[60000:60100], sound[70000] = np.nan, -np.inf
    path = write(tmp_path / "a.wav", sound, "-c:a", "pcm_f32le")
    out = tmp_path / f"out{suffix}"
    join(made(0), out, silent, sound=Soundtrack(path))
    heard = samples(out)
    assert onsets(heard) == pytest.approx([1.0, 3.0], abs=NEAR)
    assert float(np.abs(heard[59000:71000]).max()) < 0.01


# More pictures than the original has


def test_a_still_of_one_frame(made: Maker, voice: Voice, tmp_path: Path) -> None:
    still = probe(flashes(tmp_path / "still.mkv", 1, [], codec=("-c:v", "ffv1", "-pix_fmt", "bgr0")))
    assert (still.frames, still.fps) == (1, FPS)
    for start in (0, 700):
        out = tmp_path / f"out-{start}.mp4"
        join(made(start), out, still, start=start, stop=start + FRAMES, sound=Soundtrack(voice("a.mp3"), start / FPS))
        assert_together(out, within(start))
        assert probe(out).chapters == 0


def told(folder: Path) -> Video:
    """Two seconds, with subtitles that last longer, and chapters."""
    (folder / "text.srt").write_text(
        "1\n00:00:00,500 --> 00:00:01,000\nEins\n\n2\n00:00:01,500 --> 00:00:09,000\nZwei\n"
    )
    (folder / "chapters").write_text(
        ";FFMETADATA1\ntitle=Told\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=A\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=B\n"
    )
    film = flashes(folder / "film.mp4", 60, [])
    path = folder / "told.mkv"
    inputs = ("-i", film, "-i", folder / "text.srt", "-i", folder / "chapters")
    ffmpeg(*inputs, "-map", 0, "-map", 1, "-map_metadata", 2, "-c", "copy", "-c:s", "srt", path)
    return probe(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_subtitles_and_chapters_end_with_the_pictures(voice: Voice, tmp_path: Path, suffix: str) -> None:
    original = told(tmp_path)
    parts = pieces(tmp_path, [])
    sound = voice("a.m4a")

    def texts(path: Path) -> list[tuple[str, str]]:
        said = ffmpeg("-v", "error", "-i", path, "-map", "0:s:0", "-f", "srt", "pipe:1").stdout.decode()
        return re.findall(r"(\S+) --> (\S+)", said)

    def chapters(path: Path) -> list[tuple[str, str]]:
        said = ffmpeg("-i", path, "-map", "0:v", "-t", 0, "-f", "null", "-").stderr.decode().split("Output #0")[0]
        return re.findall(r"Chapter #0:\d: start (\S+), end (\S+)", said)

    # Longer than the original: what it says stays where it is.
    out = tmp_path / f"longer{suffix}"
    join(parts, out, original, stop=FRAMES, sound=Soundtrack(sound))
    assert chapters(out) == [("0.000000", "1.000000"), ("1.000000", "2.000000")]
    assert texts(out)[0] == ("00:00:00,500", "00:00:01,000")
    assert texts(out)[1] == ("00:00:01,500", "00:00:05,005")
    assert probe(out).frames == FRAMES

    # Shorter: 40 frames are 1.335 seconds.
    out = tmp_path / f"shorter{suffix}"
    join([flashes(tmp_path / "piece-9.mp4", 40, [])], out, original, stop=40, sound=Soundtrack(sound))
    assert chapters(out) == [("0.000000", "1.000000"), ("1.000000", "1.334667")]
    assert texts(out) == [("00:00:00,500", "00:00:01,000")]

    # Beyond its end: nothing of it is left but what it says of itself.
    out = tmp_path / f"beyond{suffix}"
    join(parts, out, original, start=700, stop=700 + FRAMES, sound=Soundtrack(sound, 700 / FPS))
    assert chapters(out) == []
    assert texts(out) == []
    assert b"Told" in out.read_bytes()
    assert onsets(samples(out)) == pytest.approx([float(one / FPS) for one in within(700)], abs=NEAR)


# The original's own sound under it


def level(sound: NDArray[np.float32], time: float) -> float:
    """Peak around a time."""
    at = round(time * 48000)
    return float(np.abs(sound[max(0, at - 1000) : at + 3000]).max())


def with_own_sound(folder: Path, sound: NDArray[np.float32], *options: object, late: float = 0.0) -> Video:
    film = flashes(folder / "film.mp4", 120, [])
    own = write(folder / "own.mkv", sound, *(options or ("-c:a", "pcm_s16le")))
    path = folder / "with-sound.mkv"
    ffmpeg("-i", film, "-itsoffset", late, "-i", own, "-map", 0, "-map", 1, "-c", "copy", path)
    return probe(path)


@pytest.mark.parametrize("start", [Fraction(0), Fraction(3, 2)])
@pytest.mark.parametrize("codec", ["pcm_s16le", "aac"])
def test_both_are_heard_at_their_times(tmp_path: Path, start: Fraction, codec: str) -> None:
    new = write(tmp_path / "new.wav", claps([2.0, 6.0], 7) * 0.5)
    original = with_own_sound(tmp_path, claps([0.5, 2.5, 3.5], 4), "-c:a", codec, late=0.25)
    out = tmp_path / "mix"
    sound, notes = mix(Soundtrack(new, start), original, 0.5, start, Fraction(11, 2), out)
    assert (sound, notes) == (Soundtrack(out, interim=True), ())
    heard = samples(out)
    assert len(heard) == 48000 * 11 // 2
    due = [time - float(start) for time in (0.75, 2.0, 2.75, 3.75, 6.0) if 0 < time - float(start) < 5.5]
    loud = np.flatnonzero(np.abs(heard) > 0.1) / 48000
    found = loud[np.diff(loud, prepend=-1) > 0.05]
    assert [*found] == pytest.approx(due, abs=0.003)
    for time in due:
        assert level(heard, time) == pytest.approx(0.35, abs=0.03)


def test_one_channel_in_two_is_as_loud(tmp_path: Path) -> None:
    new = write(tmp_path / "new.wav", claps([1.0], 3, 44100), rate=44100)
    original = with_own_sound(tmp_path, np.stack([claps([2.0], 3), claps([], 3)], 1))
    sound, _ = mix(Soundtrack(new), original, 1, Fraction(0), Fraction(3), tmp_path / "mix.mka")
    raw = ffmpeg("-i", sound.path, "-f", "f32le", "pipe:1")
    assert b"48000 Hz, stereo, s32 (24 bit)" in raw.stderr
    left, right = np.frombuffer(raw.stdout, "<f4").reshape(-1, 2).T
    assert level(left, 1) == pytest.approx(level(right, 1))
    assert level(left, 1) == pytest.approx(0.7, abs=0.02)
    assert level(left, 2) == pytest.approx(0.7, abs=0.01)
    assert level(right, 2) == 0


def test_a_mix_is_never_clipped(tmp_path: Path) -> None:
    """The limiter turns down what is too loud; what is not stays as it was, to the bit."""
    time = np.arange(48000 * 3) / 48000
    new = (np.sin(2 * np.pi * 300 * time) * np.where(time < 1.5, 0.3, 0.9)).astype(np.float32)
    own = (np.sin(2 * np.pi * 440 * time) * np.where(time < 1.5, 0.3, 0.9)).astype(np.float32)
    path = write(tmp_path / "new.wav", new, "-c:a", "pcm_f32le")
    original = with_own_sound(tmp_path, own, "-c:a", "pcm_f32le")
    sound, _ = mix(Soundtrack(path), original, 1.0, Fraction(0), Fraction(3), tmp_path / "mix")
    heard = samples(sound.path)
    # Of 24 bits the limit is rounded up.
    assert float(np.abs(heard).max()) <= 0.97 + 1e-6
    assert float(np.abs(heard[80000:]).max()) > 0.9
    assert np.abs(heard[:70000] - (new + own)[:70000]).max() < 1e-6
    # Where both would have been clipped they would be flat.
    flat = np.diff(heard[80000:]) == 0
    assert flat.mean() < 0.02


def test_the_original_ends_before_the_new_sound(tmp_path: Path) -> None:
    new = write(tmp_path / "new.wav", claps([1.0, 9.0], 10))
    original = with_own_sound(tmp_path, claps([3.0], 4))
    sound, _ = mix(Soundtrack(new), original, 1.0, Fraction(0), Fraction(10), tmp_path / "mix")
    assert onsets(samples(sound.path)) == pytest.approx([1.0, 3.0, 9.0], abs=0.001)
    # And the other way round.
    sound, _ = mix(Soundtrack(original.path), probe_with(tmp_path, new), 1.0, Fraction(0), Fraction(10), tmp_path / "m")
    assert onsets(samples(sound.path)) == pytest.approx([1.0, 3.0, 9.0], abs=0.001)
    # Where the new one has ended altogether the original's is alone.
    short = write(tmp_path / "short.wav", claps([0.1], 1))
    sound, _ = mix(Soundtrack(short, Fraction(2)), original, 1.0, Fraction(2), Fraction(2), tmp_path / "alone")
    assert onsets(samples(sound.path)) == pytest.approx([1.0], abs=0.001)


def probe_with(folder: Path, sound: Path) -> Video:
    path = folder / "probed.mkv"
    ffmpeg("-i", flashes(folder / "f.mp4", 30, []), "-i", sound, "-map", 0, "-map", 1, "-c", "copy", path)
    return probe(path)


def test_nothing_to_mix(silent: Video, voice: Voice, tmp_path: Path) -> None:
    given = Soundtrack(voice("a.mp3"), Fraction(7))
    out = tmp_path / "mix"
    assert mix(given, silent, 1.0, Fraction(7), Fraction(5), out) == (
        given,
        ("the video has no sound of its own that could be mixed in.",),
    )
    original = with_own_sound(tmp_path, claps([3.0], 4))
    assert mix(given, original, 1.0, Fraction(7), Fraction(5), out) == (
        given,
        ("the video's own sound is silent in this part.",),
    )
    assert not out.exists()
    with pytest.raises(InputError, match="no sound"):
        mix(Soundtrack(silent.path), original, 1.0, Fraction(0), Fraction(5), out)
    with pytest.raises(OutputError, match="mix"):
        mix(given, original, 1.0, Fraction(0), Fraction(5), tmp_path / "none" / "mix")


@pytest.mark.parametrize(("suffix", "becomes"), [(".mp4", "aac"), (".mkv", "aac"), (".mov", "aac"), (".webm", "opus")])
def test_a_mix_is_encoded_as_players_expect(
    made: Maker, voice: Voice, tmp_path: Path, suffix: str, becomes: str
) -> None:
    original = with_own_sound(tmp_path, claps([], 4))
    sound, _ = mix(Soundtrack(voice("a.m4a")), original, 0.3, Fraction(0), FRAMES / FPS, tmp_path / "mix.mka")
    out = tmp_path / f"out{suffix}"
    assert join(made(0, VP9 if suffix == ".webm" else X264), out, original, stop=FRAMES, sound=sound) == ()
    assert_together(out, within(0))
    text = ffmpeg("-i", out, "-map", "0:v:0", "-t", "0", "-f", "null", "-").stderr.decode()
    assert f"Audio: {becomes}" in text


def test_f06_a_full_disk(tmp_path: Path, voice: Voice, disk: Callable[[str], Path]) -> None:
    original = with_own_sound(tmp_path, claps([3.0], 4))
    with pytest.raises(OutputError, match="no space"):
        mix(Soundtrack(voice("a.mp3")), original, 1.0, Fraction(0), Fraction(20), disk("size=16k") / "mix")


def test_sound_that_begins_very_late(silent: Video, made: Maker, tmp_path: Path) -> None:
    """Most of the silence before it comes from elsewhere than the rest."""
    new = write(tmp_path / "new.wav", claps([0.1, 4.0], 5))
    original = with_own_sound(tmp_path, claps([0.2, 0.8], 1), late=3.65)
    sound, _ = mix(Soundtrack(new), original, 1.0, Fraction(0), FRAMES / FPS, tmp_path / "mix")
    heard = samples(sound.path)
    assert onsets(heard) == pytest.approx([0.1, 3.85, 4.0, 4.45], abs=0.001)
    assert len(heard) == round(FRAMES / FPS * 48000)
    out = tmp_path / "out.mp4"
    join(made(0), out, silent, sound=Soundtrack(original.path))
    assert onsets(samples(out)) == pytest.approx([3.85, 4.45], abs=NEAR)


# Two hours


@pytest.mark.parametrize(
    ("name", "options", "suffix"),
    [
        ("a.wav", ("-c:a", "pcm_s16le"), ".mp4"),
        ("a.m4a", ("-b:a", "24k", "-aac_coder", "fast"), ".mp4"),
    ],
)
def test_b70_two_hours(tmp_path: Path, name: str, options: Sequence[object], suffix: str) -> None:
    """At a rate that no decimal number tells; six pieces, each with a clap near both of its ends."""
    fps, count, rate = Fraction(5000, 1001), 6000, 8000
    piece = flashes(tmp_path / "piece-0.mp4", count, [2, count - 3], fps)
    parts = [piece]
    for number in range(1, 6):
        parts.append(tmp_path / f"piece-{number}.mp4")
        parts[-1].hardlink_to(piece)
    original = probe(flashes(tmp_path / "film.mp4", 10, [], fps))
    assert original.fps == fps
    frames = [number * count + frame for number in range(6) for frame in (2, count - 3)]
    seconds = float(6 * count / fps) + 3
    sound = write(tmp_path / name, claps([frame / fps for frame in frames], seconds, rate), *options, rate=rate)
    out = tmp_path / f"out{suffix}"
    join(parts, out, original, stop=6 * count, sound=Soundtrack(sound))
    assert seconds > 7200
    expected = [float(frame / fps) for frame in frames]
    assert onsets(samples(out, rate=rate), rate) == pytest.approx(expected, abs=0.02)
    for begin, due in ((0.0, expected[:1]), (expected[-1] - 5, expected[-1:])):
        assert seen(out, begin=begin, frames=20 if not begin else None) == pytest.approx(due, abs=0.001)
