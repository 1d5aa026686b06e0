from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefusion_cli.core.lipsync.mel import MelWriter
from facefusion_cli.core.lipsync.speech import Voice
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

RATE = 16_000
FPS = Fraction(25)
AH, EE, OO = (700, 1200, 1700), (350, 2300, 3000), (350, 700)
"""Formants."""


def vowel(seconds: float, formants: Sequence[int] = AH, level: float = 0.3) -> NDArray[np.float64]:
    """A voice of 110 Hz, with soft ends."""
    time = np.arange(round(seconds * RATE)) / RATE
    sound = np.zeros(time.size)
    for harmonic in np.arange(110, 4000, 110):
        resonance = sum(1 / (1 + ((harmonic - formant) / 90) ** 2) for formant in formants)
        sound += (0.01 + resonance) * (200 / harmonic) ** 0.5 * np.sin(2 * np.pi * harmonic * time)
    edge = np.clip(np.minimum(time, time[::-1]) / 0.015, 0, 1)
    sound *= level * edge / np.abs(sound).max()
    return sound


def pause(seconds: float) -> NDArray[np.float64]:
    return np.zeros(round(seconds * RATE))


def noise(seconds: float, level: float) -> NDArray[np.float64]:
    return np.random.default_rng(9).normal(0, level, round(seconds * RATE))


class Heard:
    """What a voice says of each frame."""

    def __init__(self, voice: Voice, frames: int) -> None:
        said = [voice.speech(frame) for frame in range(frames)]
        self.opening = np.array([one.opening for one in said])
        self.spread = np.array([one.spread for one in said])
        self.silence = np.array([one.silence for one in said])
        self.mel = [one.mel for one in said]

    @property
    def values(self) -> NDArray[np.float64]:
        return np.concatenate((self.opening, self.spread, self.silence))


@pytest.fixture
def mel(tmp_path: Path) -> Path:
    return tmp_path / "sound.mel"


def hear(
    mel: Path,
    *parts: NDArray[np.float64],
    fps: Fraction = FPS,
    frames: int | None = None,
    offset_ms: int = 0,
    strength: float = 1.0,
) -> Heard:
    samples = np.concatenate(parts).astype(np.float32)
    with MelWriter(mel) as writer:
        writer.add(samples)
        writer.finish()
    with Voice(mel, fps, offset_ms=offset_ms, strength=strength) as voice:
        return Heard(voice, frames or round(Fraction(samples.size, RATE) * fps))


TALK = (pause(0.6), *(part for _ in range(5) for part in (vowel(0.16), pause(0.1))), pause(0.6))
"""Five syllables from 0.6 s on, 0.26 s from each to the next."""


def test_each_syllable_opens_the_mouth_once_and_at_its_time(mel: Path) -> None:
    heard = hear(mel, *TALK, fps=Fraction(100))
    for number in range(5):
        begin = 60 + 26 * number
        syllable, closure = heard.opening[begin : begin + 16], heard.opening[begin + 16 : begin + 26]
        assert 0.3 < syllable.max() <= 0.45
        assert closure.min() < 0.03
        weight = heard.opening[begin - 5 : begin + 21]
        assert np.average(np.arange(26), weights=weight) == pytest.approx(5 + 7.5, abs=1.5)


def test_lips_close_for_less_than_a_tenth_of_a_second(mel: Path) -> None:
    heard = hear(mel, pause(0.5), vowel(0.3), pause(0.09), vowel(0.3), pause(0.5), fps=Fraction(100))
    assert heard.opening[60:75].min() > 0.25
    assert heard.opening[80:89].min() < 0.1
    assert heard.opening[95:110].min() > 0.25


def test_the_mouth_is_closed_and_silent_in_pauses_and_ready_before_a_word(mel: Path) -> None:
    heard = hear(mel, pause(1), vowel(0.5), pause(1), vowel(0.5), pause(1))
    talking = np.concatenate([np.arange(25, 37), np.arange(63, 74)])
    assert (heard.silence[talking] == 0).all()
    still = np.concatenate([np.arange(0, 20), np.arange(43, 57), np.arange(81, 100)])
    assert (heard.silence[still] == 1).all()
    assert (heard.opening[still] == 0).all()
    assert heard.silence[24] < 0.2
    assert heard.silence[62] < 0.2
    assert np.abs(np.diff(heard.silence)).max() < 0.7


def test_a_short_pause_is_no_silence(mel: Path) -> None:
    assert (hear(mel, pause(0.5), vowel(0.3), pause(0.15), vowel(0.3), pause(0.5)).silence[13:31] == 0).all()


def test_vowels_shape_the_mouth(mel: Path) -> None:
    parts = [part for _ in range(3) for kind in (EE, AH, OO) for part in (vowel(0.3, kind), pause(0.1))]
    heard = hear(mel, pause(0.4), *parts, pause(0.4), fps=Fraction(100))
    spread = [heard.spread[40 + 40 * number + 10 : 40 + 40 * number + 20].mean() for number in range(9)]
    ee, ah, oo = (np.mean(spread[first::3]) for first in range(3))
    assert ee > 0.5
    assert oo < ah < ee
    assert (np.abs(heard.spread) <= 1).all()
    opening = [heard.opening[40 + 40 * number + 10 : 40 + 40 * number + 20].mean() for number in range(2)]
    assert opening[0] < opening[1]


def test_what_is_heard_before_and_after_the_sound_is_silence(mel: Path) -> None:
    heard = hear(mel, *TALK[1:-1], frames=60)
    assert heard.opening[2] > 0.3
    assert (heard.silence[40:] == 1).all()
    assert (heard.opening[40:] == 0).all()
    assert np.array_equal(heard.mel[50], np.full((80, 16), -4))
    early = hear(mel, *TALK[1:-1], frames=20, offset_ms=2000)
    assert (early.silence == 1).all()
    assert np.array_equal(early.mel[0], np.full((80, 16), -4))


def test_windows_begin_with_their_frames(mel: Path) -> None:
    heard = hear(mel, *TALK)
    wide = np.concatenate([window[:, :3] for window in heard.mel], axis=1)
    sound = np.flatnonzero(wide.max(axis=0) > -3)
    # 3 of each 3.2 columns; the Fourier transform sees the sound 25 ms before it begins.
    assert sound[0] * 3.2 / 3 == pytest.approx(0.6 * 80 - 2, abs=2.5)


def test_an_offset_moves_everything_by_as_many_frames(mel: Path) -> None:
    plain, late = hear(mel, *TALK), hear(mel, *TALK, offset_ms=80)
    np.testing.assert_allclose(late.opening[2:], plain.opening[:-2], atol=1e-6)
    np.testing.assert_allclose(late.silence[2:], plain.silence[:-2], atol=1e-6)
    assert all(np.array_equal(after, before) for after, before in zip(late.mel[2:], plain.mel, strict=False))


def test_strength_scales_the_mouth_up_to_a_shout_and_down_to_nothing(mel: Path) -> None:
    plain = hear(mel, *TALK)
    half, double, none = (hear(mel, *TALK, strength=strength) for strength in (0.5, 2, 0))
    np.testing.assert_allclose(half.opening, plain.opening / 2)
    np.testing.assert_allclose(double.opening, np.minimum(0.7, plain.opening * 2))
    assert double.opening.max() == 0.7
    assert (none.opening == 0).all()
    loudest = max(range(len(plain.mel)), key=lambda frame: float(plain.mel[frame].max()))
    assert half.mel[loudest].max() < plain.mel[loudest].max() < double.mel[loudest].max()
    assert np.ptp(none.mel[loudest]) == 0
    for heard in (half, double, none):
        assert all(window.dtype == np.float32 and np.abs(window).max() <= 4 for window in heard.mel)
        assert np.array_equal(heard.mel[0], plain.mel[0])  # silence


@pytest.mark.parametrize(
    "sound",
    [
        pause(3),
        noise(3, 0.1),
        noise(3, 0.0001),
        np.concatenate([noise(3, 0.1), pause(2)]),
        np.full(3 * RATE, 0.5),
        0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE),
        0.3 * np.sin(2 * np.pi * 440 * np.arange(320) / RATE),
        np.ones(1),
    ],
    ids=["silence", "noise", "hiss", "noise that ends", "constant", "tone", "20 ms", "one sample"],
)
def test_what_is_no_speech_keeps_the_mouth_closed(mel: Path, sound: NDArray[np.float64]) -> None:
    heard = hear(mel, sound, frames=90)
    assert np.isfinite(heard.values).all()
    assert (heard.opening == 0).all()
    assert (heard.spread == 0).all()
    assert (heard.silence == 1).all()


def test_a_click_is_no_speech(mel: Path) -> None:
    click = pause(1)
    click[100] = 0.9
    heard = hear(mel, *TALK, click)
    assert (heard.opening[-24:] == 0).all()
    assert (heard.silence[-18:] == 1).all()


def test_speech_is_heard_through_noise_and_whatever_its_level(mel: Path) -> None:
    plain = hear(mel, *TALK).opening
    talk = np.concatenate(TALK)
    noisy, quiet = hear(mel, talk + noise(talk.size / RATE, 0.005)), hear(mel, 0.1 * talk)
    assert np.corrcoef(plain, noisy.opening)[0, 1] > 0.95
    assert np.corrcoef(plain, quiet.opening)[0, 1] > 0.98
    assert quiet.opening.max() > 0.4


def test_one_sentence_in_a_long_silence_is_heard(mel: Path) -> None:
    heard = hear(mel, pause(60), *TALK, pause(60))
    alone = hear(mel, *TALK)
    assert np.abs(heard.opening[1500 : 1500 + alone.opening.size] - alone.opening).max() < 0.05
    assert (heard.silence[:1500] == 1).all()


def test_one_sentence_in_a_long_noise_is_heard(mel: Path) -> None:
    """Before which there is nothing at all."""
    talk = np.concatenate(TALK)
    hiss = noise(60 + talk.size / RATE, 0.003)
    hiss[-talk.size :] += talk
    heard = hear(mel, pause(20), hiss)
    assert (heard.opening[:2000] == 0).all()
    assert (heard.silence[:2000] == 1).all()
    assert np.corrcoef(heard.opening[2000:], hear(mel, *TALK).opening)[0, 1] > 0.95


@pytest.mark.parametrize("fps", ["24000/1001", "60"])
def test_a_frame_does_not_depend_on_which_were_asked_for_before(mel: Path, fps: str) -> None:
    heard = hear(mel, *TALK, fps=Fraction(fps))
    with Voice(mel, Fraction(fps)) as voice:
        for frame in (31, 7, 0, 40):
            speech = voice.speech(frame)
            assert (speech.opening, speech.spread) == (heard.opening[frame], heard.spread[frame])
            assert np.array_equal(speech.mel, heard.mel[frame])


def test_the_middle_of_a_frame_does_not_drift(mel: Path) -> None:
    """At film's rate, where floating numbers go wrong first."""
    fps = Fraction(24000, 1001)
    heard = hear(mel, pause(120), *TALK, fps=fps)
    time = (np.arange(heard.opening.size) + 0.5) / float(fps)
    assert np.average(time, weights=heard.opening) == pytest.approx(120.6 + 2 * 0.26 + 0.08, abs=0.02)


def test_what_is_no_mel_is_refused(mel: Path) -> None:
    mel.write_bytes(b"something else")
    with pytest.raises(OutputError, match="not whole"):
        Voice(mel, FPS)
