"""The Wav2Lip engine: crops in, one batch through the network, patches out; where nobody speaks the mouth is closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from facefusion_cli.core.faces.face import MINIMUM_SIZE
from facefusion_cli.core.lipsync.mouth.reach import reach, surroundings
from facefusion_cli.core.lipsync.mouth.warp import move_mouth
from facefusion_cli.core.lipsync.untouched import TOO_SMALL
from facefusion_cli.core.lipsync.wav2lip.boxes import box_of_mesh
from facefusion_cli.core.lipsync.wav2lip.crops import CROP, cut, network_input
from facefusion_cli.core.lipsync.wav2lip.network import BATCH, Generator
from facefusion_cli.core.lipsync.wav2lip.paste import paste
from facefusion_cli.core.media.composite import paste_into
from facefusion_cli.core.weights.needs import ENGINE_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.tools import Tools
    from facefusion_cli.core.lipsync.engine import SpeechTask, SyncSettings
    from facefusion_cli.core.lipsync.wav2lip.boxes import FaceBox
    from facefusion_cli.core.media.bounds import Bounds
    from facefusion_cli.core.media.patch import Patch

__all__ = ["Network", "Wav2Lip"]

_MEL, _FACES = (1, 80, 16), (6, CROP, CROP)
_LEAST_IN_SIGHT = 0.5
"""Share of a face's box that must be in the picture."""
_OUT_OF_SIGHT = "most of the face is beyond the picture"


class Network(Protocol):
    """What is needed of the generator."""

    def run(self, mel: NDArray[np.float32], faces: NDArray[np.float32]) -> NDArray[np.float32]:
        """(BATCH, 1, 80, 16) mel and (BATCH, 6, CROP, CROP) faces to (BATCH, 3, CROP, CROP), BGR, 0 to 1."""
        ...


class Wav2Lip:
    """The Wav2Lip network behind the contract of ``LipSyncer``."""

    batch = BATCH

    def __init__(self, name: str, network: Network, settings: SyncSettings, *, notes: tuple[str, ...] = ()) -> None:
        self.name = name
        """"wav2lip" or "wav2lip-gan"."""
        self.notes = notes
        """Sentences that the user should read once a run."""
        self._network = network
        self._pads = settings.pads
        self._close = settings.close_mouth

    @classmethod
    def open(cls, name: str, tools: Tools, settings: SyncSettings) -> Wav2Lip:
        """With the network of the weights stored for the engine of that name.

        Raises:
            WeightsError: they are not stored, or damaged.
            DeviceError: the device asked for cannot run them.
        """
        (weight,) = ENGINE_WEIGHTS[name]
        network = Generator.open(weight, tools)
        return cls(name, network, settings, notes=(tools.device.note,) if tools.device.note else ())

    def left_alone(self, face: Face, shape: tuple[int, ...]) -> str:
        """See ``LipSyncer``."""
        return _reason(face, box_of_mesh(face.mesh, self._pads), shape)

    def bounds(self, face: Face) -> Bounds:
        """See ``LipSyncer``."""
        left, top, right, bottom = surroundings(face)
        x1, y1, x2, y2 = box_of_mesh(face.mesh, self._pads).bounds(CROP)
        return min(left, x1), min(top, y1), max(right, x2), max(bottom, y2)

    def speak(self, tasks: Sequence[SpeechTask | None]) -> list[tuple[Patch, ...]]:
        """Patches for each task: one that closes the mouth as far as nobody speaks, and one of the network's.

        None for a face that is left alone. The network runs on a whole batch, whatever is missing of it, and not at all
        where nobody speaks.

        Raises:
            ValueError: there are more tasks than ``batch``.
            DeviceError: the GPU fails.
            WeightsDamagedError: the network's answer is no picture.
        """
        if len(tasks) > BATCH:
            raise ValueError(f"{len(tasks)} tasks are more than a batch of {BATCH}")
        views = [None if task is None else self._look(task) for task in tasks]
        mel, faces = np.zeros((BATCH, *_MEL), np.float32), np.zeros((BATCH, *_FACES), np.float32)
        asked = False
        for place, view in enumerate(views):
            if view is not None and view.crop is not None:
                mel[place], faces[place] = view.task.speech.mel, network_input(view.crop)
                asked = True
        spoken = self._network.run(mel, faces) if asked else faces[:, :3]
        return [() if view is None else view.patches(answer) for view, answer in zip(views, spoken, strict=False)]

    def _look(self, task: SpeechTask) -> _View | None:
        """None where the face cannot be made to speak."""
        box = box_of_mesh(task.face.mesh, self._pads)
        if _reason(task.face, box, task.picture.shape):
            return None
        picture, silence = task.picture, task.speech.silence if self._close else 0.0
        closing = move_mouth(picture, task.face, 0.0, 0.0, silence * reach(task.face)) if silence > 0 else None
        if silence >= 1:
            return _View(task, silence, box, picture, None, closing)
        if closing is not None:
            picture = picture.copy()
            paste_into(picture, [closing])
        return _View(task, silence, box, picture, cut(picture, box), closing)


def _reason(face: Face, box: FaceBox, shape: tuple[int, ...]) -> str:
    """Why a face with that box is left alone."""
    if face.size < MINIMUM_SIZE:
        return TOO_SMALL
    return "" if box.in_sight(shape) >= _LEAST_IN_SIGHT else _OUT_OF_SIGHT


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A face that is to speak or to be quiet."""

    task: SpeechTask
    silence: float
    """How far the mouth is closed."""
    box: FaceBox
    picture: NDArray[np.uint8]
    """(H, W, 3) BGR, the mouth closed as far as nobody speaks."""
    crop: NDArray[np.uint8] | None
    """(CROP, CROP, 3) BGR, what the network sees; None where it is not asked."""
    closing: Patch | None

    def patches(self, answer: NDArray[np.float32]) -> tuple[Patch, ...]:
        """In the order in which they are pasted; ``answer`` is (3, CROP, CROP)."""
        spoken = None
        if self.crop is not None:
            generated = np.ascontiguousarray(answer.transpose(1, 2, 0))
            spoken = paste(generated, self.crop, self.box, self.task.face, self.picture, 1 - self.silence)
        return tuple(patch for patch in (self.closing, spoken) if patch is not None)
