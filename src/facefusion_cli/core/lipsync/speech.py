"""What is heard while each frame is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.lipsync.engine import Speech
from facefusion_cli.core.lipsync.envelope import MARGIN, hear
from facefusion_cli.core.lipsync.mel import COLUMNS_A_SECOND, SILENT, Mel, window_start

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = ["Voice"]

_SHOUT = 0.7
"""Opening that no strength leads beyond."""


class Voice:
    """A mel on disk and the movements that follow from it, as a context manager.

    Frames are counted from the beginning of the sound, ``fps`` of them a second. With ``offset_ms`` the lips move that
    much later than the sound. ``strength`` (0 to 2) scales how far the mouth opens; for the network it moves levels
    away from the middle, or, below 1, towards silence.

    What a frame gets depends on nothing but the sound and its own number.

    Raises:
        OutputError: the file is no mel, or not whole.
    """

    def __init__(self, mel: Path, fps: Fraction, *, offset_ms: int = 0, strength: float = 1.0) -> None:
        self._mel = Mel(mel)
        try:
            self._envelope = hear(self._mel)
        except BaseException:
            self._mel.__exit__(None, None, None)
            raise
        self._fps, self._offset, self._strength = fps, offset_ms, strength

    def __enter__(self) -> Voice:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._mel.__exit__(kind, error, trace)

    def speech(self, frame: int) -> Speech:
        """What is heard from the beginning of a frame on, and how the mouth is in the middle of it."""
        place, part = self._middle(frame)
        envelope = self._envelope
        return Speech(
            mel=self._louder(self._mel.window(window_start(frame, self._fps, self._offset))),
            opening=min(_SHOUT, self._strength * _between(envelope.opening, place, part, 0.0)),
            spread=_between(envelope.spread, place, part, 0.0),
            silence=_between(envelope.silence, place, part, 1.0),
        )

    def _middle(self, frame: int) -> tuple[int, float]:
        """Between which place of the envelope and the next one, and how far towards that, the middle of a frame is."""
        numerator, denominator = self._fps.as_integer_ratio()
        unit = 2000 * numerator
        time = COLUMNS_A_SECOND * (1000 * (2 * frame + 1) * denominator - 2 * self._offset * numerator)
        place, rest = divmod(time + MARGIN * unit, unit)
        return place, rest / unit

    def _louder(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._strength == 1:
            return window
        still = 0.0 if self._strength > 1 else SILENT
        louder: NDArray[np.float32] = np.clip(still + (window - still) * self._strength, SILENT, -SILENT)
        return louder


def _between(values: NDArray[np.float32], place: int, part: float, outside: float) -> float:
    before, after = (float(values[one]) if 0 <= one < values.size else outside for one in (place, place + 1))
    return before + (after - before) * part
