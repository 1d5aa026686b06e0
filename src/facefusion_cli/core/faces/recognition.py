"""Whose face it is: w600k_r50 through insightface's own class on our session."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.alignment import align, arcface_matrix
from facefusion_cli.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from insightface.model_zoo.arcface_onnx import ArcFaceONNX
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.inference.session import Session

__all__ = ["Recogniser", "similarity"]

_CROP_SIZE = 112
_MOST = 16  # faces in one run, so that a crowd takes no more memory than a few


class Recogniser:
    """The recognition network."""

    def __init__(self, model: Path, session: Session, *, batched: bool = True) -> None:
        """``model`` is the file, for messages; ``batched``: whether the session takes several faces in one run."""
        self._model = model
        self._network = _arcface(session)
        self._batch = _MOST if batched else 1

    def embed(self, picture: NDArray[np.uint8], faces: Sequence[Face]) -> list[Face]:
        """The faces of a (H, W, 3) BGR picture, each with its embedding, from one run of the network.

        Those that have one already are returned as they are. Sessions that take one at a time run once a face, and
        crowds take several runs.

        Raises:
            WeightsError: the network's answer is not finite.
        """
        embedded = list(faces)
        missing = [index for index, face in enumerate(faces) if face.embedding is None]
        for start in range(0, len(missing), self._batch):
            some = missing[start : start + self._batch]
            crops = [align(picture, arcface_matrix(faces[index].points), _CROP_SIZE) for index in some]
            for index, features in zip(some, self._network.get_feat(crops), strict=True):
                embedded[index] = replace(faces[index], embedding=self._normalised(features))
        return embedded

    def _normalised(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        length = float(np.linalg.norm(features.astype(np.float64)))
        if not (np.isfinite(length) and length > 0):
            raise WeightsError(
                f'the recognition network "{self._model}" answers with what are no numbers.',
                hint='"facefusion download-models --verify" checks what is stored; "--device cpu" is safest.',
            )
        return np.asarray(features / length, np.float32)


def similarity(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Cosine of two embeddings, -1 to 1; above about 0.35 it is the same person, below 0.2 it is not."""
    first, second = one.astype(np.float64), other.astype(np.float64)
    return float(np.clip(first @ second / np.sqrt((first @ first) * (second @ second)), -1.0, 1.0))


def _arcface(session: Session) -> ArcFaceONNX:
    """insightface's class around our session.

    From the file it wants only to know whether the network scales its input itself, and parses all 174 MB for that.
    w600k_r50 does not, and a model without nodes, which nothing is in a file, says the same.
    """
    from insightface.model_zoo.arcface_onnx import ArcFaceONNX

    return ArcFaceONNX(io.BytesIO(), session)
