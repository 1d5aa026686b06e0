"""A synthetic voice that speaks a few syllables: sound for demonstrations and tests that is nobody's but ours.

A row of pulses and noise is shaped by the resonances of a vocal tract (three formants a sound, from textbooks of
phonetics), which glide from one sound to the next.
"""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["RATE", "SENTENCE", "speak", "write_voice"]

RATE = 16_000
"""Samples a second."""
SENTENCE = "hallo  mama  ima wia  aia oma  namasa"
"""Letters are sounds; a space is a pause."""


class _Sound(NamedTuple):
    seconds: float
    formants: tuple[float, float, float]
    """Hz."""
    voice: float
    """Loudness of the pulses, 0 to 1."""
    noise: float


_SOUNDS = {
    "a": _Sound(0.19, (750, 1250, 2500), 1.0, 0.0),
    "e": _Sound(0.16, (450, 1900, 2500), 0.9, 0.0),
    "i": _Sound(0.17, (290, 2250, 2950), 0.8, 0.0),
    "o": _Sound(0.18, (450, 800, 2500), 0.9, 0.0),
    "u": _Sound(0.17, (310, 750, 2300), 0.8, 0.0),
    "m": _Sound(0.09, (250, 1100, 2200), 0.18, 0.0),
    "n": _Sound(0.08, (270, 1600, 2500), 0.20, 0.0),
    "l": _Sound(0.08, (350, 1100, 2600), 0.45, 0.0),
    "w": _Sound(0.09, (300, 650, 2200), 0.35, 0.0),
    "s": _Sound(0.11, (1500, 4500, 6500), 0.0, 0.03),
    "h": _Sound(0.07, (600, 1300, 2500), 0.0, 0.12),
    "p": _Sound(0.10, (500, 1300, 2500), 0.0, 0.01),
    " ": _Sound(0.22, (500, 1300, 2500), 0.0, 0.0),
}
_WIDTHS = (90.0, 110.0, 170.0)
"""Of the formants, Hz."""
_STEP, _WINDOW = 80, 320
"""Samples from one spectrum to the next, and in each."""
_GLIDE = 5
"""Steps over which sounds melt into each other."""
_PITCH = 118.0
_LOUDNESS = 0.6


def speak(text: str = SENTENCE, pitch: float = _PITCH) -> NDArray[np.float32]:
    """The sounds of ``text`` as samples at ``RATE``, -1 to 1, the same each time; ``pitch`` in Hz."""
    rows = [
        (*sound.formants, sound.voice, sound.noise)
        for sound in map(_SOUNDS.__getitem__, f" {text} ")
        for _ in range(round(sound.seconds * RATE / _STEP))
    ]
    track = np.array(rows, np.float64)
    bell = np.hanning(2 * _GLIDE + 1)
    padded = np.pad(track, ((_GLIDE, _GLIDE), (0, 0)), mode="edge")
    track = np.stack([np.convolve(column, bell / bell.sum(), mode="valid") for column in padded.T], axis=1)
    samples = len(track) * _STEP + _WINDOW
    noise = np.random.default_rng(5).standard_normal(samples)
    pulses = _pulses(samples, pitch)
    window, out = np.hanning(_WINDOW + 1)[:-1], np.zeros(samples)
    frequencies = np.asarray(np.fft.rfftfreq(2 * _WINDOW, 1 / RATE), np.float64)
    for number, (*formants, voice, hiss) in enumerate(track):
        part = slice(number * _STEP, number * _STEP + _WINDOW)
        shape = np.prod([_resonance(frequencies, *one) for one in zip(formants, _WIDTHS, strict=True)], axis=0)
        source = np.fft.rfft(pulses[part] * window, 2 * _WINDOW) * voice
        source += 0.05 * np.fft.rfft(noise[part] * window, 2 * _WINDOW) * hiss * (1 + frequencies / 800)
        heard = np.fft.irfft(source * shape)
        end = min(samples, part.start + 2 * _WINDOW)
        out[part.start : end] += heard[: end - part.start]
    return np.asarray(out * (_LOUDNESS / np.abs(out).max()), np.float32)


def write_voice(path: Path, samples: NDArray[np.float32] | None = None) -> Path:
    """Write samples (without any, the sentence) as a WAV file of 16 bits; returns its path."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.rint((speak() if samples is None else samples) * 32767).astype("<i2").tobytes())
    return path


def _pulses(samples: int, pitch: float) -> NDArray[np.float64]:
    """The breath of the vocal cords: a pulse a period, at a pitch that falls and trembles a little."""
    time = np.arange(samples) / RATE
    melody = pitch * (1.12 - 0.15 * time / time[-1] + 0.03 * np.sin(2 * np.pi * 2.1 * time))
    phase = np.cumsum(melody / RATE) % 1.0
    # Rosenberg's pulse opens slowly and shuts fast; what is heard is how it changes.
    flow = np.where(phase < 0.4, 0.5 - 0.5 * np.cos(np.pi * phase / 0.4), np.cos(np.pi / 2 * (phase - 0.4) / 0.16))
    return np.diff(np.where(phase < 0.56, flow, 0.0), prepend=0.0)


def _resonance(frequencies: NDArray[np.float64], centre: float, width: float) -> NDArray[np.float64]:
    """How much a formant lets through."""
    squared = centre**2
    return squared / np.sqrt((squared - frequencies**2) ** 2 + (width * frequencies) ** 2)
