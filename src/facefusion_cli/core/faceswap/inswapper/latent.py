"""Who shall be seen, in the numbers that the network takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Latent", "average", "mix", "to_latent"]


@dataclass(frozen=True, slots=True, eq=False)
class Latent:
    """Who shall be seen."""

    vector: NDArray[np.float32]
    """(512,) of length 1: the normalised embedding times emap, normalised again."""
    size: float
    """Width in pixels of the largest source face."""


def to_latent(embedding: NDArray[np.float32], emap: NDArray[np.float32]) -> NDArray[np.float32]:
    """(512,) of length 1: what the network takes for an embedding (512,) of any length.

    As insightface's ``INSwapper`` makes it; without the second normalisation a face keeps more of its own identity.
    """
    return _normalised(_normalised(embedding) @ emap)


def mix(source: NDArray[np.float32], target: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    """Between two latents: the target's at strength 0, the source's at 1; of length 1 again."""
    return _normalised(strength * source + (1 - strength) * target)


def average(embeddings: Sequence[NDArray[np.float32]], weights: Sequence[float]) -> NDArray[np.float32]:
    """(512,) of length 1: the direction in the middle of several embeddings of one person, each counted by its weight.

    What a pose, an expression or a light did to each of them is less in their middle.
    """
    directions = np.stack([_normalised(embedding) for embedding in embeddings])
    return _normalised(np.asarray(weights, np.float32) @ directions)


def _normalised(vector: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)
