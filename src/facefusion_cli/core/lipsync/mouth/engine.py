"""The mouth engine: the mouth that is there follows the voice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.faces.face import MINIMUM_SIZE
from facefusion_cli.core.faces.ramp import rise
from facefusion_cli.core.lipsync.mouth.shape import Mouth
from facefusion_cli.core.lipsync.mouth.warp import move_mouth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.lipsync.engine import SpeechTask, SyncSettings
    from facefusion_cli.core.media.patch import Patch

__all__ = ["MouthWarper"]

_LARGE_ENOUGH = 1.25 * MINIMUM_SIZE
"""Width of a face in pixels from which on its mouth moves all the way: a face that comes nearer begins gently."""
_TURNED = 0.62, 0.82
"""Sine of the angle to the side up to which a mouth moves all the way, and from which it is left alone: of a mouth in
profile the mesh knows too little."""


class MouthWarper:
    """Moves the lips and the jaw of the picture itself; needs no network, and no sound but what is heard of it."""

    name = "mouth"
    notes: tuple[str, ...] = ()
    batch = 4

    def __init__(self, settings: SyncSettings) -> None:
        """Of ``settings`` it heeds ``close_mouth``; strength is in what is heard."""
        self._close = settings.close_mouth

    def speak(self, tasks: Sequence[SpeechTask | None]) -> list[tuple[Patch, ...]]:
        """One patch for each task at most; none for a face that is too small or seen from the side."""
        return [() if task is None else self._speak(task) for task in tasks]

    def _speak(self, task: SpeechTask) -> tuple[Patch, ...]:
        """Where nobody speaks the mouth is closed, or left as it is."""
        speech, weight = task.speech, _weight(task.face)
        speaking = 1 - speech.silence
        if self._close:
            opening, spread = speaking * speech.opening, speaking * speech.spread
        else:
            opening, spread, weight = speech.opening, speech.spread, speaking * weight
        patch = move_mouth(task.picture, task.face, opening, spread, weight)
        return () if patch is None else (patch,)


def _weight(face: Face) -> float:
    """How far the mouth of a face can be moved, 0 to 1."""
    return rise(face.size, MINIMUM_SIZE, _LARGE_ENOUGH) * (1 - rise(abs(Mouth.of(face.mesh).turn), *_TURNED))
