"""Whether what is going to be written fits on the disk, asked before the work begins."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from facefusion_cli.core.sizes import in_words
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.media.video.encoders import EncodeOptions

__all__ = ["check_room", "encoded_bytes"]

_BITS = 0.04
"""A pixel and frame at CRF 18: twice what a face that talks before something quiet takes, half of what films do."""
_HALVED_EVERY = 6
"""Steps of CRF."""
_PRORES_BITS = 4.0
_SOUND = 32_000
"""Bytes a second."""
_BESIDES = 64 * 2**20


def encoded_bytes(pixels: int, frames: int, seconds: float, encode: EncodeOptions) -> int:
    """About what a video of ``frames`` frames of so many pixels will take, rather less than more."""
    bits = _PRORES_BITS if encode.codec.startswith("prores") else _BITS * 2 ** ((18 - encode.crf) / _HALVED_EVERY)
    return round(pixels * frames * bits / 8 + seconds * _SOUND)


def check_room(folder: Path, needed: int, what: str) -> None:
    """Refuse to begin what cannot end well; ``needed`` bytes are for ``what``.

    Raises:
        OutputError: there is less room in ``folder``.
    """
    free = shutil.disk_usage(folder).free
    if needed + _BESIDES > free:
        raise OutputError(
            f'there is not enough room in "{folder}" for {what}: about {in_words(needed + _BESIDES)} are needed, '
            f"{in_words(free)} are free.",
            hint="Free some space, or write to another disk.",
        )
