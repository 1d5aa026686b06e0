"""Whether weights fit on the disk, asked before the first byte is fetched."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from facefusion_cli.core.weights.checkpoint import saved_bytes
from facefusion_cli.core.weights.sizes import in_words
from facefusion_cli.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Weight
    from facefusion_cli.core.weights.store import Store

__all__ = ["already_fetched", "check_room", "free_bytes", "needed_bytes"]


def already_fetched(store: Store, weight: Weight) -> int:
    """Bytes of the weight that earlier runs have left behind, to go on from."""
    try:
        return min(store.partial(weight).stat().st_size, weight.bytes)
    except OSError:
        return 0


def needed_bytes(store: Store, weights: Sequence[Weight]) -> int:
    """How much the disk must hold beyond what it does now while ``weights`` are fetched one after the other.

    A checkpoint is there as a whole while its network is taken out; then the network alone stays.
    """
    most = held = 0
    for weight in weights:
        present = already_fetched(store, weight)
        kept, beside = (weight.bytes, 0) if weight.form == "onnx" else (saved_bytes(), saved_bytes())
        most = max(most, held + weight.bytes + beside - present)
        held += kept - present
    return most


def free_bytes(folder: Path) -> int:
    """Free bytes where ``folder`` is or would be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_room(store: Store, weights: Sequence[Weight]) -> None:
    """Refuse to begin what cannot end well.

    Raises:
        DownloadError: the disk is too full for ``weights``.
    """
    needed, free = needed_bytes(store, weights), free_bytes(store.folder)
    if needed > free:
        raise DownloadError(
            f'there is not enough room in "{store.folder}": {in_words(needed)} are needed, {in_words(free)} are free.',
            reason="disk-full",
            hint="Free some space, or keep the weights in another folder (--models-dir, FACEFUSION_HOME).",
        )
