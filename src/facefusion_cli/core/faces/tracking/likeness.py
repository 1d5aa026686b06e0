"""Which tracks of a video show which of some known persons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.faces.recognition import similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.tracking.tracks import Track

__all__ = ["SAME_PERSON", "nearest_person", "persons_of"]

SAME_PERSON = 0.35
"""Cosine from which on a face is taken for the person of a reference picture."""
_PERHAPS = 0.2
"""Cosine from which on a track may be, if another one that surely is resembles it as much as ``_ALIKE``."""
_ALIKE = 0.5


def nearest_person(persons: Sequence[NDArray[np.float32]], face: NDArray[np.float32] | None) -> tuple[int, float]:
    """Which of ``persons`` (embeddings) a face is most like, and the cosine; -1.0 where nothing is known of it."""
    likenesses = [_likeness(person, face) for person in persons]
    best = max(range(len(likenesses)), key=likenesses.__getitem__)
    return best, likenesses[best]


def persons_of(tracks: Sequence[Track], persons: Sequence[NDArray[np.float32]]) -> Mapping[int, int]:
    """For the number of each track that shows one of ``persons`` the place of that person.

    One decision for the whole of a track. One that resembles a person less than is needed, blurred or turned away as it
    may be, is still taken for her if it is like a track that surely is her.
    """
    nearest = {track.number: nearest_person(persons, track.embedding) for track in tracks}
    sure = [track for track in tracks if nearest[track.number][1] >= SAME_PERSON]
    found = {}
    for track in tracks:
        number, likeness = nearest[track.number]
        if likeness >= SAME_PERSON or (
            likeness >= _PERHAPS
            and any(
                nearest[other.number][0] == number and _likeness(other.embedding, track.embedding) >= _ALIKE
                for other in sure
            )
        ):
            found[track.number] = number
    return found


def _likeness(one: NDArray[np.float32] | None, other: NDArray[np.float32] | None) -> float:
    return -1.0 if one is None or other is None else similarity(one, other)
