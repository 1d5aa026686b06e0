"""The mouth engine: the mouth that is there follows the voice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.faces.face import MINIMUM_SIZE
from facefusion_cli.core.lipsync.mouth.reach import ASIDE, BEYOND, beyond, reach, surroundings
from facefusion_cli.core.lipsync.mouth.warp import move_mouth
from facefusion_cli.core.lipsync.untouched import TOO_SMALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.lipsync.engine import SpeechTask, SyncSettings
    from facefusion_cli.core.media.bounds import Bounds
    from facefusion_cli.core.media.patch import Patch

__all__ = ["MouthWarper"]


class MouthWarper:
    """Moves the lips and the jaw of the picture itself; needs no network, and no sound but what is heard of it."""

    name = "mouth"
    notes: tuple[str, ...] = ()
    batch = 4

    def __init__(self, settings: SyncSettings) -> None:
        """Of ``settings`` it heeds ``close_mouth``; strength is in what is heard."""
        self._close = settings.close_mouth

    def left_alone(self, face: Face, shape: tuple[int, ...]) -> str:
        """See ``LipSyncer``."""
        if face.size < MINIMUM_SIZE:
            return TOO_SMALL
        if beyond(face, shape):
            return BEYOND
        return "" if reach(face) > 0 else ASIDE

    def bounds(self, face: Face) -> Bounds:
        """See ``LipSyncer``."""
        return surroundings(face)

    def speak(self, tasks: Sequence[SpeechTask | None]) -> list[tuple[Patch, ...]]:
        """One patch for each task at most; none for a face that is too small or seen from the side."""
        return [() if task is None else self._speak(task) for task in tasks]

    def _speak(self, task: SpeechTask) -> tuple[Patch, ...]:
        """Where nobody speaks the mouth is closed, or left as it is."""
        speech, weight = task.speech, reach(task.face)
        speaking = 1 - speech.silence
        if self._close:
            opening, spread = speaking * speech.opening, speaking * speech.spread
        else:
            opening, spread, weight = speech.opening, speech.spread, speaking * weight
        patch = move_mouth(task.picture, task.face, opening, spread, weight)
        return () if patch is None else (patch,)
