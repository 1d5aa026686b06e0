"""What Pillow does not tell of WebP files.

Format: RFC 9649, sections 2.3 to 2.7.
"""

from __future__ import annotations

import os
from typing import BinaryIO

__all__ = ["is_lossless"]

_FRAME_HEAD = 16
"""Bytes before the chunks of an animation's frame."""


def is_lossless(file: BinaryIO) -> bool:
    """Whether the (first) picture in a WebP file is of the kind that loses nothing."""
    file.seek(12)
    while len(head := file.read(8)) == 8:
        name, size = head[:4], int.from_bytes(head[4:], "little")
        if name in {b"VP8 ", b"VP8L"}:
            return name == b"VP8L"
        file.seek(_FRAME_HEAD if name == b"ANMF" else size + size % 2, os.SEEK_CUR)
    return False
