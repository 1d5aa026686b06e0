"""Is a file the one that was published?"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from facefusion_cli.core.weights.files import sha256_of
from facefusion_cli.core.weights.inspection import mismatch
from facefusion_cli.errors import WeightsDamagedError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Archive, Weight

__all__ = ["check_hash", "verified"]


def check_hash(expected: Weight | Archive, file: Path) -> None:
    """See whether a file is what was published.

    Raises:
        WeightsDamagedError: it is not.
    """
    size = file.stat().st_size
    # The hash of something of another size would only take time.
    found = (size, sha256_of(file) if size == expected.bytes else "")
    if found != (expected.bytes, expected.sha256):
        why = mismatch(found, (expected.bytes, expected.sha256))
        raise WeightsDamagedError(f'"{expected.file}" is not what it should be: {why}.')


@contextmanager
def verified(file: Weight | Archive) -> Iterator[None]:
    """What turns out wrong with a file of the right hash is no reason to fetch it again: it would be the same.

    Raises:
        WeightsError: instead of ``WeightsDamagedError``.
    """
    try:
        yield
    except WeightsDamagedError as error:
        raise WeightsError(
            f'"{file.file}" is verified, but cannot be used: {error.message}',
            hint="A newer version of facefusion-cli may be able to; what was downloaded is kept for it.",
        ) from error
