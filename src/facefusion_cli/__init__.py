"""Swap faces in pictures and videos, and make faces speak.

>>> from facefusion_cli import find_faces, swap_faces, sync_lips
>>> swap_faces("me.jpg", "team.jpg", "out.jpg", face="left")  # doctest: +SKIP
>>> sync_lips("talk.mp4", "voice.wav", "dubbed.mp4")  # doctest: +SKIP

Importing this package is cheap; what a name needs is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faceswap.finding import find_faces
    from facefusion_cli.core.faceswap.job import swap_faces
    from facefusion_cli.core.faceswap.result import SwapResult
    from facefusion_cli.core.lipsync.job import sync_lips
    from facefusion_cli.core.lipsync.result import LipSyncResult
    from facefusion_cli.errors import (
        ContentRefusedError,
        DeviceError,
        DownloadError,
        FaceFusionError,
        FaceIndexError,
        FaceTooSmallError,
        IncompleteError,
        InputError,
        InternalError,
        NoFaceError,
        OutputError,
        OutputExistsError,
        ProgramError,
        UsageError,
        WeightsDamagedError,
        WeightsError,
        WeightsMissingError,
    )

__all__ = [
    "ContentRefusedError",
    "DeviceError",
    "DownloadError",
    "Face",
    "FaceFusionError",
    "FaceIndexError",
    "FaceTooSmallError",
    "IncompleteError",
    "InputError",
    "InternalError",
    "LipSyncResult",
    "NoFaceError",
    "OutputError",
    "OutputExistsError",
    "ProgramError",
    "SwapResult",
    "UsageError",
    "WeightsDamagedError",
    "WeightsError",
    "WeightsMissingError",
    "__version__",
    "find_faces",
    "swap_faces",
    "sync_lips",
]

__version__ = "0.1.0"

_HOMES = {
    "Face": "core.faces.face",
    "LipSyncResult": "core.lipsync.result",
    "SwapResult": "core.faceswap.result",
    "find_faces": "core.faceswap.finding",
    "swap_faces": "core.faceswap.job",
    "sync_lips": "core.lipsync.job",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
