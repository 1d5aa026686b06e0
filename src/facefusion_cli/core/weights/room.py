"""Whether weights fit on the disk, asked before the first byte is written."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from facefusion_cli.core.sizes import in_words
from facefusion_cli.core.weights.checkpoint import saved_bytes
from facefusion_cli.core.weights.files import ELSEWHERE, MORE_ROOM
from facefusion_cli.errors import DownloadError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Archive, Weight
    from facefusion_cli.core.weights.store import Store

__all__ = [
    "already_fetched",
    "check_folder",
    "check_free",
    "check_no_file",
    "check_room",
    "converted_bytes",
    "existing",
    "free_bytes",
    "needed_bytes",
]

_MARGIN = 1.1
"""For what else is written meanwhile."""


def already_fetched(store: Store, file: Weight | Archive) -> int:
    """Bytes of the file that earlier runs have left behind, to go on from."""
    try:
        return min(store.partial(file).stat().st_size, file.bytes)
    except OSError:
        return 0


def converted_bytes(weight: Weight) -> int:
    """What conversion writes beside the published file; 0 for what is stored as it is published."""
    return 0 if weight.form == "onnx" else saved_bytes()


def needed_bytes(store: Store, weights: Sequence[Weight]) -> int:
    """How much the disk must hold beyond what it does now while ``weights`` are fetched one after the other.

    A checkpoint is there as a whole while its network is taken out; then the network alone stays.
    """
    most = held = 0
    for weight in weights:
        present, converted = already_fetched(store, weight), converted_bytes(weight)
        most = max(most, held + weight.bytes + converted - present)
        held += (converted or weight.bytes) - present
    return most


def free_bytes(folder: Path) -> int:
    """Free bytes where ``folder`` is or would be."""
    return shutil.disk_usage(existing(folder)).free


def check_free(folder: Path, needed: int, what: str) -> None:
    """Refuse to begin what cannot end well.

    Raises:
        DownloadError: the disk is too full for ``needed`` bytes and some more; ``what`` they are, for the sentence.
    """
    needed, free = int(needed * _MARGIN), free_bytes(folder)
    if needed > free:
        raise DownloadError(
            f'there is not enough room in "{folder}" for {what}: {in_words(needed)} are needed, '
            f"{in_words(free)} are free.",
            reason="disk-full",
            hint=MORE_ROOM,
        )


def check_room(store: Store, weights: Sequence[Weight]) -> None:
    """As ``check_free``, for fetching ``weights``."""
    more = f" and {len(weights) - 1} more" if len(weights) > 1 else ""
    check_free(store.folder, needed_bytes(store, weights), f'"{weights[0].file}"{more}')


def check_folder(folder: Path) -> None:
    """See whether the folder is one that can be written to, or could be made; nothing is.

    Raises:
        WeightsError: it cannot.
    """
    check_no_file(folder)
    if not os.access(existing(folder), os.W_OK):
        why = "there is no permission to write there, or the file system is read-only"
        raise WeightsError(f'cannot write into "{folder}": {why}.', hint=f"Choose another folder {ELSEWHERE}.")


def check_no_file(folder: Path) -> None:
    """See that there is no file where the folder, or one that it is in, is or would be.

    Raises:
        WeightsError: there is.
    """
    found = existing(folder)
    if not found.is_dir():
        why = "it is a file" if found == folder else f'"{found}" is a file'
        raise WeightsError(f'there can be no weights in "{folder}": {why}.', hint=f"Choose another folder {ELSEWHERE}.")


def existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there, as far as one may look."""
    while not os.path.exists(folder) and folder != folder.parent:  # noqa: PTH110, Path.exists raises where it may not look
        folder = folder.parent
    return folder
