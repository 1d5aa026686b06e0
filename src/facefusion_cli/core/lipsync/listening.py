"""The sound that moves the lips, heard once."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from facefusion_cli.core.lipsync.mel import MelWriter
from facefusion_cli.core.media.audio.reader import SAMPLE_RATE, VoiceReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Heard", "listen"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What there was to be heard."""

    samples: int
    """At 16 kHz; at least 1."""
    notes: tuple[str, ...]
    """Sentences the user should read: what could not be decoded, what was no number."""

    @property
    def duration(self) -> Fraction:
        """Seconds."""
        return Fraction(self.samples, SAMPLE_RATE)


def listen(path: Path, mel_path: Path, progress: Callable[[int], None]) -> Heard:
    """Decode the first track of sound of any audio or video file, and write its mel into the file ``mel_path``.

    ``progress`` is told of so many more whole seconds; what it raises ends the work, and ffmpeg with it.

    Raises:
        InputError: the file cannot be read, or nothing of it can be heard.
        OutputError: the mel cannot be written.
        ProgramError: ffmpeg is missing.
    """
    with VoiceReader(path) as reader, MelWriter(mel_path) as writer:
        samples = 0
        for block in reader:
            writer.add(block)
            before, samples = samples, samples + block.size
            if more := samples // SAMPLE_RATE - before // SAMPLE_RATE:
                progress(more)
        writer.finish()
    return Heard(reader.samples, reader.notes)
