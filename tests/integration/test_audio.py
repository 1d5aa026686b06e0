"""Sound of all kinds of files, as the lip sync hears it."""

from __future__ import annotations

import os
import struct
import subprocess
import threading
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefusion_cli.core.lipsync.listening import Heard, listen
from facefusion_cli.core.lipsync.mel import Mel
from facefusion_cli.core.media.audio.probe import probe_sound
from facefusion_cli.core.media.audio.reader import VoiceReader
from facefusion_cli.core.media.video import process
from facefusion_cli.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Clip = Callable[..., Path]

RATE = 16_000


def wav(
    path: Path,
    data: bytes,
    *,
    channels: int = 1,
    rate: int = RATE,
    bits: int = 16,
    kind: int = 1,
    length: int | None = None,
) -> Path:
    """A RIFF file that says of itself what it is told to."""
    said = len(data) if length is None else length
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    head = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", said)
    path.write_bytes(b"RIFF" + struct.pack("<I", min(0xFFFFFFFF, 36 + said)) + head + data)
    return path


def tone(seconds: float, rate: int = RATE, level: float = 0.5, hertz: float = 440) -> NDArray[np.float64]:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def pcm(sound: NDArray[np.float64]) -> bytes:
    return (sound * 32767).round().astype("<i2").tobytes()


def read(path: Path) -> tuple[NDArray[np.float32], VoiceReader]:
    with VoiceReader(path) as reader:
        blocks = list(reader)
    assert all(block.shape == (RATE,) for block in blocks[:-1])
    assert all(block.dtype == np.float32 and 0 < block.size <= RATE for block in blocks)
    samples = np.concatenate(blocks)
    assert samples.size == reader.samples
    assert np.isfinite(samples).all()
    return samples, reader


def first_heard(samples: NDArray[np.float32]) -> float:
    """Seconds before anything loud."""
    return float(np.flatnonzero(np.abs(samples) > 0.02)[0]) / RATE


@pytest.fixture
def made(ffmpeg: str, tmp_path: Path) -> Callable[..., Path]:
    """A file that ffmpeg makes of a tone: ``made("a.mp3", "-c:a", "libmp3lame", seconds=2)``."""

    def make(name: str, *arguments: str, seconds: float = 2, rate: int = 44100, filters: str = "anull") -> Path:
        path = tmp_path / name
        source = f"sine=frequency=440:duration={seconds}:sample_rate={rate},volume=4,{filters}"
        command = [ffmpeg, "-loglevel", "error", "-y", "-f", "lavfi", "-i", source, *arguments, str(path)]
        subprocess.run(command, check=True)
        return path

    return make


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a.wav", ()),
        ("a.w64", ()),
        ("a.aiff", ()),
        ("a.caf", ()),
        ("a.au", ()),
        ("a.flac", ()),
        ("a.wv", ()),
        ("a.tta", ()),
        ("a.m4a", ("-c:a", "aac")),
        ("a.m4a", ("-c:a", "alac")),
        ("a.mp3", ()),
        ("a.ogg", ("-c:a", "libvorbis")),
        ("a.opus", ()),
        ("a.webm", ("-c:a", "libopus")),
        ("a.mka", ("-c:a", "flac")),
    ],
)
def test_b64_every_common_format_is_heard_from_its_first_sample_to_its_last(
    made: Callable[..., Path], name: str, arguments: tuple[str, ...]
) -> None:
    samples, reader = read(made(name, *arguments))
    assert samples.size == pytest.approx(2 * RATE, abs=100)
    assert first_heard(samples) < 0.003
    assert np.sqrt(np.mean(samples[RATE // 2 :] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.06)
    assert np.argmax(np.abs(np.fft.rfft(samples[:RATE]))) == 440
    assert reader.notes == ()


@pytest.mark.parametrize(("rate", "bits"), [(8000, 8), (11025, 16), (48000, 24), (96000, 32), (192000, 16)])
def test_b64_rates_and_depths(tmp_path: Path, rate: int, bits: int) -> None:
    sound = tone(2, rate)
    values = (sound * (2 ** (bits - 1) - 1)).round().astype("<i4")
    raw = (values + 128).astype(np.uint8) if bits == 8 else values.view(np.uint8).reshape(-1, 4)[:, : bits // 8]
    samples, _ = read(wav(tmp_path / "a.wav", raw.tobytes(), rate=rate, bits=bits))
    assert samples.size == 2 * RATE
    np.testing.assert_allclose(samples[1000:-1000], tone(2)[1000:-1000], atol=0.01 if bits == 8 else 2e-3)


@pytest.mark.parametrize("channels", [1, 2, 6, 8, 9, 64])
def test_b64_one_channel_is_the_mean_of_all(tmp_path: Path, channels: int) -> None:
    """Of 7.1 too, where ffmpeg's own mix would weigh them, leave one out and be louder than full scale."""
    sound = np.stack([tone(0.5, level=0.9 * (channel + 1) / channels) for channel in range(channels)], axis=1)
    samples, _ = read(wav(tmp_path / "a.wav", pcm(sound), channels=channels))
    np.testing.assert_allclose(samples, sound.mean(axis=1), atol=1e-4)


def test_nothing_is_clipped(tmp_path: Path) -> None:
    loud = tone(0.5, level=3)
    samples, _ = read(wav(tmp_path / "a.wav", loud.astype("<f4").tobytes(), kind=3, bits=32))
    np.testing.assert_allclose(samples, loud, atol=1e-5)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_b65_what_is_no_number_becomes_silence_and_is_counted(tmp_path: Path, rate: int) -> None:
    sound = tone(1, rate).astype("<f4")
    sound[3000:3099] = np.nan
    sound[5000], sound[6000] = np.inf, -np.inf
    path = wav(tmp_path / "a.wav", sound.tobytes(), rate=rate, kind=3, bits=32)
    samples, reader = read(path)
    assert reader.faulty == 101
    assert reader.notes == (f'101 samples of the sound of "{path}" became silence: not a number, or infinite.',)
    fault = 3050 * RATE // rate
    assert np.abs(samples[fault - 5 : fault + 5]).max() < 0.2
    np.testing.assert_allclose(samples[8000:], tone(1)[8000:], atol=0.01)


def test_numbers_of_no_sound_are_silence_too(tmp_path: Path) -> None:
    huge = np.full(4000, 1e38, "<f4").tobytes()
    samples, _ = read(wav(tmp_path / "a.wav", huge, rate=44100, kind=3, bits=32))
    assert np.abs(samples).max() < 1


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".ts"])
def test_b49_sound_that_begins_late_in_a_video_keeps_its_place(clip: Clip, suffix: str) -> None:
    path = clip(audio="aac", audio_delay=0.5, frames=50, suffix=suffix)
    samples, reader = read(path)
    assert first_heard(samples) == pytest.approx(0.5, abs=0.025)
    assert (probe_sound(path).zero > 1) == (suffix == ".ts")  # whose clocks begin later, sound and pictures alike
    assert reader.notes == ()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_what_decoders_need_to_begin_is_not_heard(clip: Clip, suffix: str) -> None:
    samples, _ = read(clip(audio="aac", frames=50, suffix=suffix))
    assert first_heard(samples) < 0.002
    assert samples.size == pytest.approx(2 * RATE, abs=400)


def test_of_a_file_without_pictures_the_first_sample_is_the_beginning(made: Callable[..., Path]) -> None:
    path = made("a.mp3")
    samples, _ = read(path)
    assert samples.size == 2 * RATE
    assert 0.02 < probe_sound(path).zero < 0.03
    path = made("a.mka", "-c:a", "flac", "-output_ts_offset", "3")
    samples, reader = read(path)
    assert samples.size == 2 * RATE
    assert probe_sound(path).zero == 3
    assert reader.notes == ()


def test_a_damaged_beginning_is_silent_and_the_rest_in_time(made: Callable[..., Path]) -> None:
    path = made("a.m4a", filters="volume=enable='between(t,0,1.5)':volume=0")
    whole = bytearray(path.read_bytes())
    begin = whole.index(b"mdat") + 4
    whole[begin : begin + 200] = b"\xff" * 200
    path.write_bytes(whole)
    samples, reader = read(path)
    assert first_heard(samples) == pytest.approx(1.5, abs=0.03)
    assert reader.notes == (f'the sound of "{path}" is damaged: what cannot be decoded is silent.',)


def test_a_gap_is_silent(made: Callable[..., Path]) -> None:
    path = made("a.mkv", "-c:a", "flac", seconds=3, filters="asetnsamples=4410,aselect='not(between(t,1,1.99))'")
    samples, _ = read(path)
    assert samples.size == 3 * RATE
    assert np.abs(samples[17_000:31_000]).max() == 0
    assert np.abs(samples[33_000:]).max() > 0.4


def test_b48_the_first_track_of_several_is_heard(clip: Clip) -> None:
    samples, _ = read(clip(audio="aac", audio_tracks=2, frames=50))
    assert np.argmax(np.abs(np.fft.rfft(samples[: 2 * RATE]))) == pytest.approx(2 * 440, abs=2)


def test_a_cover_picture_is_no_video(ffmpeg: str, made: Callable[..., Path], astronaut: Path) -> None:
    sound = made("a.mp3")
    path = sound.with_name("cover.mp3")
    command = [ffmpeg, "-loglevel", "error", "-i", str(sound), "-i", str(astronaut), "-map", "0", "-map", "1"]
    subprocess.run([*command, "-c:a", "copy", "-disposition:v", "attached_pic", str(path)], check=True)
    samples, reader = read(path)
    assert samples.size == 2 * RATE
    assert reader.notes == ()


def test_channels_rate_and_clock_may_change_in_the_middle(ffmpeg: str, made: Callable[..., Path]) -> None:
    one = made("one.ts", "-c:a", "mp2", "-ac", "1", "-ar", "48000")
    two = made("two.ts", "-c:a", "mp2", "-ac", "2", "-ar", "44100")
    path = one.with_name("both.ts")
    path.write_bytes(one.read_bytes() + two.read_bytes())
    samples, _ = read(path)
    assert samples.size == pytest.approx(4 * RATE, abs=2000)
    heard = np.abs(samples[:63_000].reshape(-1, 1000)).max(axis=1)
    assert ((heard > 0.2) & (heard < 0.6)).all()


@pytest.mark.parametrize(
    "name", ["a b.wav", "ä'ö\".wav", "a%03d.wav", "-x.wav", "concat:a.wav", "\N{GRINNING FACE}.wav"]
)
def test_b71_names_are_only_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    samples, _ = read(wav(tmp_path / name, pcm(tone(0.1))).relative_to(tmp_path))
    assert samples.size == 1600


@pytest.mark.parametrize("samples", [1, 160, 320, 2999, 3000])
def test_b66_however_short_it_is_has_a_mel(tmp_path: Path, samples: int) -> None:
    heard = listen(wav(tmp_path / "a.wav", pcm(tone(1))[: 2 * samples]), tmp_path / "a.mel", lambda _: None)
    assert heard == Heard(samples, ())
    assert heard.duration == Fraction(samples, RATE)
    with Mel(tmp_path / "a.mel") as mel:
        assert mel.columns == 1 + samples // 200
        assert mel.window(0).shape == (80, 16)


def test_b68_a_length_that_nobody_knew_is_no_damage(tmp_path: Path) -> None:
    """Of a stream that was written as it came."""
    samples, reader = read(wav(tmp_path / "a.wav", pcm(tone(1)), length=0xFFFFFFFF))
    assert samples.size == RATE
    assert reader.notes == ()


def cut(path: Path, part: float) -> Path:
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * part)])
    return path


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("a.wav", ()), ("a.flac", ()), ("a.mp3", ()), ("a.m4a", ("-movflags", "+faststart")), ("a.mka", ("-c:a", "flac"))],
)
def test_b68_a_file_that_was_cut_off_is_heard_as_far_as_it_goes(
    made: Callable[..., Path], name: str, arguments: tuple[str, ...]
) -> None:
    path = cut(made(name, *arguments), 0.6)
    samples, reader = read(path)
    assert 0.8 * RATE < samples.size < 1.6 * RATE
    (note,) = reader.notes
    assert note.startswith(f'the sound of "{path}" is damaged: ')
    if name != "a.wav":  # which only knows that something is missing
        assert note.endswith(" s of 2.0 s can be decoded.")


def test_what_is_damaged_in_the_middle_is_silent_and_the_rest_in_time(made: Callable[..., Path]) -> None:
    path = made("a.flac", filters="volume=enable='between(t,1.5,2)':volume=0")
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 300] = np.random.default_rng(2).bytes(300)
    path.write_bytes(whole)
    samples, reader = read(path)
    assert samples.size == pytest.approx(2 * RATE, abs=800)
    assert np.flatnonzero(np.abs(samples) > 0.1)[-1] == pytest.approx(1.5 * RATE, abs=800)
    assert reader.notes == (f'the sound of "{path}" is damaged: what cannot be decoded is silent.',)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "b03 empty": (lambda path: path.write_bytes(b""), "is empty"),
    "b02 folder": (lambda path: path.mkdir(), "is a folder, not a sound file"),
    "b01 missing": (lambda path: None, "there is no file"),
    "b04 text": (lambda path: path.write_text("I am no sound.\n" * 50), "is not a sound or video file"),
    "b60 list": (lambda path: path.write_text("ffconcat version 1.0\nfile other.wav\n"), "of a format that is read"),
    "b61 playlist": (lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\nother.wav\n"), "is not a sound or video file"),
    "noise": (lambda path: path.write_bytes(np.random.default_rng(1).bytes(5000)), "is not a sound or video file"),
    "b66 no samples": (lambda path: wav(path, b""), "there is no sound in"),
    "no samples but promised": (lambda path: wav(path, b"", length=32_000), "there is no sound in"),
    "b68 half a header": (lambda path: path.write_bytes(b"RIFF\0\0\0\0WAVEfmt "), "is not a sound or video file"),
    "b68 rate 0": (lambda path: wav(path, pcm(tone(0.1)), rate=0), "is not a sound or video file"),
    "rate 10": (lambda path: wav(path, pcm(tone(0.1)), rate=10), "has 10 samples a second, where at least 1000"),
    "b68 65535 channels": (lambda path: wav(path, pcm(tone(1)), channels=65535), "65535 channels, where at most 64"),
    "b59 unknown codec": (
        lambda path: wav(path, pcm(tone(1)), kind=0x1234),
        "coded in a way that ffmpeg does not know",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_heard_is_one_sentence_that_names_the_file(tmp_path: Path, kind: str) -> None:
    make, sentence = BAD[kind]
    path = tmp_path / "a.wav"
    make(path)
    with pytest.raises(InputError, match=sentence) as error:
        listen(path, tmp_path / "a.mel", lambda _: None)
    assert f'"{path}"' in error.value.message
    assert error.value.message.count(". ") == 0
    assert error.value.exit_code == 1


@pytest.mark.parametrize("suffix", [".flac", ".ac3", ".dts", ".mp3"])
def test_text_under_the_name_of_a_format_that_is_believed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text("I am no sound.\n" * 50)
    with pytest.raises(InputError, match="is not a sound or video file, or it is damaged"):
        listen(path, tmp_path / "a.mel", lambda _: None)


def test_a_video_without_sound_and_a_picture_are_refused(clip: Clip, astronaut: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has pictures but no sound"):
        listen(clip(), tmp_path / "a.mel", lambda _: None)
    with pytest.raises(InputError, match="is not a sound or video file of a format that is read"):
        listen(astronaut, tmp_path / "a.mel", lambda _: None)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_b72_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(InputError, match="is not an ordinary file"):
        listen(tmp_path / "a.wav", tmp_path / "a.mel", lambda _: None)


def test_listening_tells_how_far_it_is(made: Callable[..., Path], tmp_path: Path) -> None:
    told: list[int] = []
    heard = listen(made("a.flac", seconds=4.7), tmp_path / "a.mel", told.append)
    assert told == [1, 1, 1, 1]
    assert heard.duration == Fraction(47, 10)
    with Mel(tmp_path / "a.mel") as mel:
        assert (mel.samples, mel.columns) == (75_200, 377)


def test_who_is_told_may_end_the_work(made: Callable[..., Path], tmp_path: Path) -> None:
    def tell(_: int) -> None:
        assert process._runs.running
        raise KeyboardInterrupt

    path, threads = made("a.wav", seconds=60), threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        listen(path, tmp_path / "a.mel", tell)
    assert not process._runs.running
    assert threading.active_count() == threads
    with pytest.raises(OutputError):
        Mel(tmp_path / "a.mel")


def test_f16_a_killed_decoder_is_an_error_and_not_the_end(made: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="stopped by signal"):
        listen(made("a.wav", seconds=60), tmp_path / "a.mel", lambda _: process.end_all())


def test_f07_a_full_disk_is_an_error_of_the_output(disk: Callable[[str], Path], made: Callable[..., Path]) -> None:
    path = disk("size=256k") / "a.mel"
    with pytest.raises(OutputError, match="no space is left"):
        listen(made("a.flac", seconds=20), path, lambda _: None)


def test_b67_silence_is_the_lowest_value_exactly(made: Callable[..., Path], tmp_path: Path) -> None:
    listen(made("a.flac", filters="volume=0"), tmp_path / "a.mel", lambda _: None)
    with Mel(tmp_path / "a.mel") as mel:
        assert np.array_equal(np.concatenate(list(mel.blocks())), np.full((161, 80), -4, np.float32))


def test_without_soxr_ffmpeg_resamples_by_itself(made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facefusion_cli.core.media.audio.reader.ffmpeg_answer", lambda *_: "ffmpeg version 9")
    samples, _ = read(made("a.wav"))
    assert samples.size == 2 * RATE
    np.testing.assert_allclose(samples[1000:-1000], tone(2)[1000:-1000], atol=0.01)
