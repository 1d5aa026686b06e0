"""The faces of a picture as a swap would find them, for indices that mean the same face."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.finder import checked_array
from facefusion_cli.core.faces.tools import Tools
from facefusion_cli.core.faceswap.engine import ENGINES, candidate
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.weights.provision import Provision

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.tracking.observer import FaceFinder
    from facefusion_cli.core.faceswap.engine import EngineEntry

__all__ = ["engine_for_finding", "find_faces"]


def engine_for_finding(name: str, provision: Provision) -> EngineEntry:
    """The engine of that name, whose weights are fetched if they lack; for ``auto`` the best one that is ready.

    Raises:
        UsageError: there is no engine of that name.
        WeightsError: its weights cannot be had.
    """
    entry = candidate(name)
    if name == "auto":
        return next(each for each in ENGINES if provision.ready(each.name))
    provision.require(entry.name)
    return entry


@cache
def _shared_finder(name: str) -> FaceFinder:
    """The finder of an engine, for this process: its networks are loaded once."""
    return candidate(name).finder(Tools(Provision()))


def find_faces(picture: str | os.PathLike[str] | NDArray[np.uint8], *, engine: str = "auto") -> list[Face]:
    """Find the faces in a picture.

    Args:
        picture: a file, or an array (H, W, 3) uint8, BGR as OpenCV reads it, sRGB, upright.
        engine: whose detector is asked, as in ``swap_faces``; "auto" is the best whose weights are stored.

    Returns:
        The faces from left to right; their place in the list is the index that ``swap_faces`` takes. Coordinates are
        pixels of the upright picture. Empty where there is none.

    Raises:
        InputError: the file cannot be read, or the array is of another kind.
        UsageError: there is no such engine.
        WeightsError: the weights of the engine named cannot be had.
    """
    pixels = checked_array(picture) if isinstance(picture, np.ndarray) else read_picture(Path(picture)).bgr
    return _shared_finder(engine_for_finding(engine, Provision()).name).find(pixels)
