"""The picture of sound that Wav2Lip was trained on, made of any length of sound and kept in a file.

Column t (of 80 a second) tells of the 50 ms around sample 200 t. It is made of samples at 16 kHz in these steps, which
are those of Wav2Lip's hyperparameters with librosa 0.7 as it was then, computed in float64:

    pre-emphasis   y[n] = x[n] - 0.97 x[n - 1]
    spectrum       absolute values of the Fourier transform of 800 samples under a Hann window, around sample 200 t;
                   before the first and after the last sample y is mirrored there ("reflect")
    bands          80, from 55 to 7600 Hz, on Slaney's scale and of equal area
    level          clip(1.6 log10(max(1e-5, band)) + 2.4, -4, 4)

A file is a signature, the number of samples (8), and the columns, 80 float32 each, all in little-endian order: 92 MB an
hour.
"""

from __future__ import annotations

import functools
import struct
import threading
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.media.disk_errors import output_error
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = ["BANDS", "COLUMNS_A_SECOND", "SILENT", "WINDOW", "Mel", "MelMaker", "MelWriter", "window_start"]

BANDS = 80
COLUMNS_A_SECOND = 80
WINDOW = 16
"""Columns that the network hears at a time: 0.2 s."""
SILENT = -4.0
"""The value of silence, and of what comes before and after the sound."""

_RATE = 16_000
_HOP = 200
_SPAN = 800
_HALF = _SPAN // 2
_BLOCK = 480
"""Columns that are computed together. Always as many, so that the same columns give the same numbers."""
_LOWEST, _HIGHEST = 55, 7600  # Hz
_EMPHASIS = 0.97
_SIGNATURE = b"mel 80x200 v1\n\0\0"
_HEADER = struct.Struct("<16sQ")
_COLUMN = BANDS * 4
_READ = 4800
"""Columns that are read together: a minute."""


def window_start(frame: int, fps: Fraction, offset_ms: int = 0) -> int:
    """The first of the 16 columns that belong to a frame: floor(80 frame / fps), as Wav2Lip has it, in whole numbers.

    With an offset the lips move that many milliseconds later than the sound: what is heard earlier belongs to the
    frame. The start may be negative.
    """
    thousandths = COLUMNS_A_SECOND * (1000 * frame * fps.denominator - offset_ms * fps.numerator)
    return thousandths // (1000 * fps.numerator)


class MelMaker:
    """Makes columns of samples that come in pieces of any size."""

    def __init__(self) -> None:
        self.samples = 0
        """How many have come."""
        self._last = 0.0
        self._first = -_HALF
        """Number of the sample that ``_emphasised`` begins with."""
        self._emphasised: NDArray[np.float64] = np.zeros(0)
        self._waiting: list[NDArray[np.float64]] = []
        self._made = 0
        self._window = np.hanning(_SPAN + 1)[:-1]
        self._bank = _bank()

    def add(self, samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Columns (480, 80) that have become known with these samples (N,), which must be finite."""
        if not samples.size:
            return
        raw = np.concatenate(([self._last], samples)).astype(np.float64)
        self._last = float(raw[-1])
        self._waiting.append(raw[1:] - _EMPHASIS * raw[:-1])
        self.samples += samples.size
        # The end may only be mirrored once it is known to be the end, and the beginning once enough of it is there.
        while self.samples > max(_HALF, (self._made + _BLOCK - 1) * _HOP + _HALF - 1):
            self._gather()
            yield self._columns()

    def finish(self) -> NDArray[np.float32]:
        """The columns that are left (N, 80), fewer than 480; 1 + samples // 200 in all."""
        count = 1 + self.samples // _HOP - self._made
        if short := max(0, _HALF + 1 - self.samples):  # too little to be mirrored is made longer by silence
            silence = np.zeros(short)
            silence[0] = -_EMPHASIS * self._last
            self._waiting.append(silence)
        self._gather()
        mirrored = self._emphasised[-2 : -_HALF - 2 : -1]
        unused = np.zeros(_BLOCK * _HOP + _SPAN)
        self._emphasised = np.concatenate((self._emphasised, mirrored, unused))
        columns = [self._columns() for _ in range(0, count, _BLOCK)]
        return np.concatenate(columns)[:count]

    def _gather(self) -> None:
        if not self._waiting:
            return
        new = np.concatenate(self._waiting)
        self._waiting = []
        if not self._emphasised.size:  # mirrored at the first sample
            new = np.concatenate((new[_HALF:0:-1], new))
        self._emphasised = np.concatenate((self._emphasised, new))

    def _columns(self) -> NDArray[np.float32]:
        """The next 480."""
        spans = np.lib.stride_tricks.sliding_window_view(self._emphasised, _SPAN)[::_HOP][:_BLOCK]
        bands = np.abs(np.fft.rfft(spans * self._window)) @ self._bank
        self._emphasised = self._emphasised[_BLOCK * _HOP :]
        self._made += _BLOCK
        level = 1.6 * np.log10(np.maximum(1e-5, bands)) + 2.4
        return np.clip(level, SILENT, -SILENT).astype(np.float32)


class MelWriter:
    """Writes the columns of samples into a file, as a context manager; left without ``finish``, it is no mel.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._maker = MelMaker()

    def __enter__(self) -> MelWriter:
        try:
            self._file = self._path.open("wb")
            self._file.write(bytes(_HEADER.size))
        except OSError as error:
            raise output_error(self._path, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError as failure:
            if error is None:
                raise output_error(self._path, failure) from failure

    def add(self, samples: NDArray[np.float32]) -> None:
        """Samples (N,) at 16 kHz, all finite."""
        for columns in self._maker.add(samples):
            self._write(columns)

    def finish(self) -> None:
        """There are no more."""
        self._write(self._maker.finish())
        try:
            self._file.seek(0)
            self._file.write(_HEADER.pack(_SIGNATURE, self._maker.samples))
            self._file.flush()
        except OSError as error:
            raise output_error(self._path, error) from error

    def _write(self, columns: NDArray[np.float32]) -> None:
        try:
            self._file.write(columns.astype("<f4").tobytes())
        except OSError as error:
            raise output_error(self._path, error) from error


class Mel:
    """The columns in a file, as a context manager. Threads may share it; memory holds none of them.

    Raises:
        OutputError: it is no file of ``MelWriter``'s, or not whole.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise self._broken(error.strerror or str(error)) from error
        header = self._file.read(_HEADER.size)
        signature, self.samples = _HEADER.unpack(header) if len(header) == _HEADER.size else (b"", 0)
        self.columns = 1 + self.samples // _HOP
        """How many there are."""
        if signature != _SIGNATURE or path.stat().st_size != _HEADER.size + self.columns * _COLUMN:
            self._file.close()
            raise self._broken("it is not whole")

    def __enter__(self) -> Mel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def window(self, start: int) -> NDArray[np.float32]:
        """(80, 16) float32: the columns from ``start`` on, -4 where there are none."""
        window = np.full((WINDOW, BANDS), SILENT, np.float32)
        first, last = max(0, start), min(self.columns, start + WINDOW)
        if first < last:
            window[first - start : last - start] = self._read(first, last)
        return np.ascontiguousarray(window.T)

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """All columns in order: (N, 80) float32, N at most 4800."""
        for first in range(0, self.columns, _READ):
            yield self._read(first, min(self.columns, first + _READ))

    def _read(self, first: int, last: int) -> NDArray[np.float32]:
        try:
            with self._lock:
                self._file.seek(_HEADER.size + first * _COLUMN)
                data = self._file.read((last - first) * _COLUMN)
        except OSError as error:
            raise self._broken(error.strerror or str(error)) from error
        if len(data) != (last - first) * _COLUMN:
            raise self._broken("it was cut meanwhile")
        return np.frombuffer(data, "<f4").astype(np.float32).reshape(-1, BANDS)

    def _broken(self, why: str) -> OutputError:
        return OutputError(f'what was heard cannot be read again from "{self._path}": {why.lower()}.')


@functools.cache
def _bank() -> NDArray[np.float64]:
    """(401, 80): what of each frequency belongs to each band."""
    from librosa.filters import mel

    bank = mel(sr=_RATE, n_fft=_SPAN, n_mels=BANDS, fmin=_LOWEST, fmax=_HIGHEST, htk=False, norm="slaney")
    return np.ascontiguousarray(bank.T, dtype=np.float64)
