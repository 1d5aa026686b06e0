"""The inswapper engine: crops in, batches through the network, patches out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from facefusion_cli.core.faces.alignment import align, swap_matrix
from facefusion_cli.core.faceswap.inswapper.boost import CROP, boost_for, boost_for_size, join, split
from facefusion_cli.core.faceswap.inswapper.emap import read_emap
from facefusion_cli.core.faceswap.inswapper.generator import Generator
from facefusion_cli.core.faceswap.inswapper.latent import Latent, average, mix, to_latent
from facefusion_cli.core.faceswap.inswapper.paste import paste

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.recognition import Recogniser
    from facefusion_cli.core.faces.tools import Tools
    from facefusion_cli.core.faceswap.engine import Source, SwapSettings, Task
    from facefusion_cli.core.media.bounds import Bounds
    from facefusion_cli.core.media.patch import Patch

__all__ = ["InSwapper", "Latent"]

_WEIGHT = "inswapper_128"


@dataclass(frozen=True, slots=True, eq=False)
class _Crop:
    """A face of a picture, laid upright."""

    pixels: NDArray[np.uint8]
    """(boost * 128, boost * 128, 3) BGR."""
    matrix: NDArray[np.float64]
    """(2, 3) from picture to crop."""
    boost: int


class InSwapper:
    """The network inswapper_128 behind the contract of ``FaceSwapper``."""

    name = "inswapper"

    def __init__(
        self,
        generator: Generator,
        emap: NDArray[np.float32],
        settings: SwapSettings,
        recogniser: Callable[[], Recogniser],
        *,
        notes: tuple[str, ...] = (),
    ) -> None:
        """``recogniser`` is asked for only if a face comes without its embedding."""
        self._generator = generator
        self._emap = emap
        self._settings = settings
        self._recogniser = recogniser
        self.notes = notes
        """Sentences that the user should read once, whatever is swapped."""

    @classmethod
    def open(cls, tools: Tools, settings: SwapSettings) -> InSwapper:
        """With the network and emap of the weights stored.

        Raises:
            WeightsError: they are not stored, or damaged.
            DeviceError: the device asked for cannot run them.
        """
        model, network = tools.open(_WEIGHT)
        return cls(
            Generator(model, network),
            tools.once("emap", lambda: read_emap(model)),
            settings,
            lambda: tools.recogniser,
            notes=(tools.device.note,) if tools.device.note else (),
        )

    def prepare(self, sources: Sequence[Source]) -> Latent:
        """One person's latent from one or several pictures of her; larger and surer faces count for more.

        Raises:
            WeightsError: the recognition network is needed (a face has no ``embedding``) and cannot be used.
        """
        embeddings = [self._embedding(source.picture, source.face) for source in sources]
        weights = [source.face.score * source.face.size for source in sources]
        size = max(source.face.size for source in sources)
        return Latent(to_latent(average(embeddings, weights), self._emap), size)

    def bounds(self, face: Face) -> Bounds:
        """See ``FaceSwapper``: all of the crop, with what is averaged where it is shrunk."""
        try:
            corners = _corners(swap_matrix(face.points, CROP))
        except ValueError:
            return face.box
        around = 2 + 4 * float(np.ptp(corners, axis=0).max()) / CROP
        (left, top), (right, bottom) = corners.min(axis=0) - around, corners.max(axis=0) + around
        x1, y1, x2, y2 = face.box
        return min(left, x1), min(top, y1), max(right, x2), max(bottom, y2)

    def swap(self, tasks: Sequence[Task[Latent]]) -> list[Patch | None]:
        """A patch for each task, the network run on batches of crops of all of them together.

        Raises:
            DeviceError, WeightsError, FaceFusionError: as ``Generator.run`` and ``prepare`` do.
        """
        crops = [self._crop(task) for task in tasks]
        swapped = self._run([(task, crop) for task, crop in zip(tasks, crops, strict=True) if crop is not None])
        keep_mouth = self._settings.keep_mouth
        return [
            None
            if crop is None
            else paste(
                next(swapped), crop.pixels, crop.matrix, task.face, task.picture.shape[:2], keep_mouth=keep_mouth
            )
            for task, crop in zip(tasks, crops, strict=True)
        ]

    def _run(self, work: Sequence[tuple[Task[Latent], _Crop]]) -> Iterator[NDArray[np.uint8]]:
        """The new crop of each."""
        if not work:
            return
        counts = [crop.boost**2 for _, crop in work]
        latents = np.repeat(np.stack([self._latent(task) for task, _ in work]), counts, axis=0)
        parts = np.concatenate([split(crop.pixels, crop.boost) for _, crop in work])
        answers = np.split(self._generator.run(parts, latents), np.cumsum(counts)[:-1])
        for (_, crop), answer in zip(work, answers, strict=True):
            yield join(answer, crop.boost)

    def _crop(self, task: Task[Any]) -> _Crop | None:
        """None where the face is not in the picture, or its points say nothing."""
        try:
            matrix = swap_matrix(task.face.points, CROP)
        except ValueError:
            return None
        if not _in_sight(matrix, task.picture.shape[:2]):
            return None
        size = task.usual_size
        boost = self._settings.boost or (boost_for_size(size) if size else boost_for(matrix))
        if boost > 1:
            matrix = swap_matrix(task.face.points, boost * CROP)
        return _Crop(align(task.picture, matrix, boost * CROP), matrix, boost)

    def _latent(self, task: Task[Latent]) -> NDArray[np.float32]:
        strength = self._settings.strength
        if strength == 1:
            return task.identity.vector
        own = to_latent(self._embedding(task.picture, task.face), self._emap)
        return mix(task.identity.vector, own, strength)

    def _embedding(self, picture: NDArray[np.uint8], face: Face) -> NDArray[np.float32]:
        if face.embedding is None:
            (face,) = self._recogniser().embed(picture, [face])
        assert face.embedding is not None
        return face.embedding


def _in_sight(matrix: NDArray[np.float64], shape: tuple[int, ...]) -> bool:
    """Whether anything of the crop is in the picture (height, width)."""
    places = _corners(matrix)
    low, high = places.min(axis=0), places.max(axis=0)
    return bool((high > -1).all() and (low < shape[::-1]).all())


def _corners(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 2) where in the picture those of the crop are."""
    corners = np.array([[[x, y] for x in (0, CROP - 1) for y in (0, CROP - 1)]], np.float64)
    return np.asarray(cv2.transform(corners, cv2.invertAffineTransform(matrix))[0], np.float64)
