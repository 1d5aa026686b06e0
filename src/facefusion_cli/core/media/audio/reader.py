"""The sound of a file as a network hears it: one channel, 16,000 samples a second."""

from __future__ import annotations

import contextlib
import queue
import re
import secrets
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.media.audio.placing import Placer
from facefusion_cli.core.media.audio.probe import probe_sound
from facefusion_cli.core.media.video.ffmpeg import ffmpeg_answer, ffmpeg_program
from facefusion_cli.core.media.video.process import STALL_SECONDS, FfmpegRun
from facefusion_cli.core.media.video.sounds import sound_arguments
from facefusion_cli.core.media.video.words import clock
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

    from facefusion_cli.core.media.audio.probe import SoundFile

__all__ = ["SAMPLE_RATE", "VoiceReader"]

SAMPLE_RATE = 16_000

_PIECE = re.compile(r"n:\d+ pts:(-?\d+|NOPTS) .* nb_samples:(\d+) ")
_FAULTS = re.compile(r"Number of (?:NaNs|Infs): (\d+)")
_LOUDEST = 1e6
"""Where 1 is full scale; what is louder, or no number, is no sound."""
_SPARE = Fraction(1)
"""Seconds that a file may be longer than it says."""
_LACKING = Fraction(1, 10)
"""Seconds that it may be shorter."""


class VoiceReader:
    """The first track of sound of an audio or video file, as a context manager and an iterator.

    Blocks are (16000,) float32, the last one may be shorter; 1 is full scale, but nothing is clipped. All channels
    count the same: their mean is what Wav2Lip was trained on, and no matrix for loudspeakers. ffmpeg resamples the
    whole in one go, with its soxr where it was built with it.

    Second 0 is the file's, as ``SoundFile.zero`` has it: sound that begins late keeps its place, after silence. Gaps
    are silent too. What is not a number, or infinite, is silence.

    Raises:
        InputError: the file cannot be read, has no sound, or not a sample of it can be decoded.
        ProgramError: ffmpeg is missing.
    """

    def __init__(self, path: Path) -> None:
        self.samples = 0
        """After the last block: how many there were in all."""
        self.faulty = 0
        """After the last block: how many samples were not a number, or infinite."""
        self.notes: tuple[str, ...] = ()
        """After the last block: sentences the user should read."""
        self._path = path
        self._cleanup = contextlib.ExitStack()
        self._pieces: queue.SimpleQueue[tuple[int | None, int]] = queue.SimpleQueue()
        self._name = secrets.token_hex(8)
        self._errors = self._cut = self._endless = False

    def __enter__(self) -> VoiceReader:
        self._file = probe_sound(self._path)
        arguments = [
            *("-loglevel", "level+repeat+info", "-copyts", "-max_error_rate", "1", *sound_arguments(self._path)),
            *("-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1"),
            *("-af", _filters(self._file, self._name), "-f", "f32le", "-c:a", "pcm_f32le", "pipe:1"),
        ]
        self._run = self._cleanup.enter_context(FfmpegRun(arguments, read=True, said=self._listen))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        file, placer = self._file, None
        zero = round(file.zero * SAMPLE_RATE)
        while (found := self._next()) is not None:
            stamp, piece = found
            if placer is None:
                placer = Placer(_end(file))
            faults = ~(np.abs(piece) <= _LOUDEST)
            if faults.any():
                self.faulty += int(faults.sum())
                piece[faults] = 0
            yield from placer.place(piece, None if stamp is None else stamp - zero)
        self._check_end()
        if placer is None or not placer.position:
            if self._errors or file.promised:
                raise self._failed("it is damaged, or coded in a way that ffmpeg does not know")
            raise InputError(f'there is no sound in "{self._path}".')
        if (rest := placer.rest()).size:
            yield rest
        self.samples = placer.position
        self.notes = tuple(self._sentences())

    def _next(self) -> tuple[int | None, NDArray[np.float32]] | None:
        """The next samples and when they are heard, in samples of the file's clock; None at the end."""
        with self._run.waiting():
            if not self._run.stdout.peek(1):  # type: ignore[attr-defined]
                return None
            try:
                stamp, count = self._pieces.get(timeout=STALL_SECONDS)
            except queue.Empty:
                raise self._failed("ffmpeg does not tell what it gives") from None
            piece = np.empty(count, np.float32)
            filled = self._run.stdout.readinto(piece.data.cast("B"))  # type: ignore[attr-defined]
        return stamp, piece[: filled // piece.itemsize]

    def _listen(self, line: str) -> None:
        if line.startswith(f"[ashowinfo@{self._name} @ "):
            if found := _PIECE.search(line):
                self._pieces.put((None if found[1] == "NOPTS" else int(found[1]), int(found[2])))
        elif line.startswith(f"[astats@{self._name} @ "):
            if found := _FAULTS.search(line):
                self.faulty += int(found[1])
        else:
            self._errors |= "[error]" in line
            self._cut |= "corrupt input packet" in line
            # Of a stream that nobody knew the length of when it began.
            self._endless |= "Ignoring maximum wav data size" in line

    def _check_end(self) -> None:
        if why := self._run.stopped(self._run.finish()):
            raise self._failed(why)

    def _sentences(self) -> Iterator[str]:
        heard, promised = Fraction(self.samples, SAMPLE_RATE), self._file.promised
        # Some formats count what they have from zero of their clock, though they begin later.
        reached = heard + max(Fraction(0), self._file.zero)
        lacking = promised - reached if promised is not None and not self._file.pictures else Fraction(0)
        if promised is not None and lacking > _LACKING:
            lengths = f"only {clock(heard)} of {clock(promised)}"
            yield f'the sound of "{self._path}" is damaged: {lengths} can be decoded.'
        elif self._errors:
            yield f'the sound of "{self._path}" is damaged: what cannot be decoded is silent.'
        elif self._cut and not self._endless:
            yield f'the sound of "{self._path}" is damaged: it was cut off.'
        if self.faulty:
            what = "1 sample" if self.faulty == 1 else f"{self.faulty} samples"
            yield f'{what} of the sound of "{self._path}" became silence: not a number, or infinite.'

    def _failed(self, why: str) -> InputError:
        return InputError(f'the sound of "{self._path}" cannot be decoded: {why}.')


def _filters(file: SoundFile, name: str) -> str:
    """From whatever was decoded to one channel, with a line on stderr for each piece that comes out."""
    channels = max(1, file.channels)
    mean = "+".join(f"{1 / channels:.9f}*c{channel}" for channel in range(channels))
    filters = ["aformat=sample_fmts=flt", f"pan=mono|c0={mean}"]
    if file.codec.startswith("pcm_f") or file.codec == "wavpack":
        # One of them would make all that the resampler looks at with it the same.
        filters += [
            f"astats@{name}=measure_perchannel=none:measure_overall=Number_of_NaNs+Number_of_Infs",
            f"aeval=exprs='if(lte(abs(val(0)),{_LOUDEST:.0f}),val(0),0)':channel_layout=same",
        ]
    soxr = ":resampler=soxr" if "--enable-libsoxr" in ffmpeg_answer(ffmpeg_program(), "-version") else ""
    filters += [f"aresample={SAMPLE_RATE}{soxr}", "aformat=sample_fmts=flt", f"ashowinfo@{name}"]
    return ",".join(filters)


def _end(file: SoundFile) -> int | None:
    """After how many samples there can be no more, as far as the file is to be believed."""
    return None if file.promised is None else round((file.promised + _SPARE) * SAMPLE_RATE)
