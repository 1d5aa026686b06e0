"""What the network sees of a face: 96 upright pixels either way, once with its lower half hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.warped import cut_square

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.lipsync.wav2lip.boxes import FaceBox

__all__ = ["CROP", "HIDDEN", "cut", "network_input"]

CROP = 96
"""Side of the network's pictures in pixels."""
HIDDEN = CROP // 2
"""First row of what the network draws anew."""


def cut(picture: NDArray[np.uint8], box: FaceBox) -> NDArray[np.uint8]:
    """The (CROP, CROP, 3) uint8 BGR upright crop of a box of a (H, W, 3) BGR picture, its aspect not kept.

    Bilinear, as ``cv2.resize`` would have it of an upright box over whole pixels; averaged first where the picture is
    shrunk more than twofold: below that the network was trained on crops that were sampled plainly. Beyond the picture
    its border goes on. The picture is not changed.
    """
    return cut_square(picture, box.to_picture(CROP), CROP, border=cv2.BORDER_REPLICATE)


def network_input(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(6, CROP, CROP) float32, 0 to 1, BGR: the crop with its lower half black, then the whole crop.

    Args:
        crop: (CROP, CROP, 3) uint8 BGR, from ``cut``.
    """
    planes = crop.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    shown = planes.copy()
    shown[:, HIDDEN:] = 0
    return np.concatenate([shown, planes])
