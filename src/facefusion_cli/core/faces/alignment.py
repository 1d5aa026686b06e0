"""Laying a face upright into a square: ArcFace's template and the similarity that brings five points onto it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.warped import cut_square

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["align", "arcface_matrix", "similarity_matrix", "swap_matrix"]

_TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Where ArcFace's networks expect the five points in a picture of 112 pixels."""
_SWAP_SIZE, _SWAP_SHIFT = 128, 8.0


def arcface_matrix(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """(2, 3) similarity from picture to the 112-pixel crop that recognition networks expect; ``points`` (5, 2).

    Raises:
        ValueError: the points are not five different ones.
    """
    return similarity_matrix(points, _TEMPLATE)


def swap_matrix(points: NDArray[np.float32], size: int) -> NDArray[np.float64]:
    """(2, 3) similarity from picture to the crop of inswapper (128 pixels, or ``size`` = k * 128 for pixel boost).

    The five points go to ArcFace's template, 8/128 further right. For sizes other than 128 pixel centres are minded:
    sampling every k-th pixel of the larger crop gives crops that lie around the plain one, not beside it.

    Raises:
        ValueError: the points are not five different ones.
    """
    scale = size / _SWAP_SIZE
    matrix = similarity_matrix(points, _TEMPLATE + np.array([_SWAP_SHIFT, 0.0])) * scale
    matrix[:, 2] += (scale - 1) / 2
    return matrix


def align(picture: NDArray[np.uint8], matrix: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """The (size, size, 3) crop of a (H, W, 3) BGR picture that ``matrix`` (a similarity, to the crop) leads to.

    Bilinear; averaged first where the picture is shrunk more than twofold; black beyond the picture, as insightface has
    it. Only the part of the picture that matters is touched.
    """
    inverse = np.asarray(cv2.invertAffineTransform(matrix), np.float64)
    return cut_square(picture, inverse, size, border=cv2.BORDER_CONSTANT)


def similarity_matrix(points: NDArray[np.float32], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3) map that moves, turns and scales (N, 2) points so that they lie nearest to ``target`` (N, 2).

    Least squares: "Least-squares estimation of transformation parameters between two point patterns" (Umeyama 1991). In
    the plane, with points as complex numbers, turning and scaling are one multiplication, and the answer a quotient.

    Raises:
        ValueError: the points are not finite, or all the same.
    """
    if not (np.isfinite(points).all() and np.ptp(points, axis=0).any()):
        raise ValueError("points that are not finite or all the same cannot be aligned")
    source, aim = (np.asarray(xy, np.float64) @ [1, 1j] for xy in (points, target))
    centred = source - source.mean()
    power = np.vdot(centred, centred).real
    turn = np.vdot(centred, aim - aim.mean()) / power
    shift = aim.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
