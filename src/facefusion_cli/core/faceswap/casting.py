"""Who gets whose face: parts, given to whoever was chosen, or by resemblance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.faces.recognition import similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.tracking.tracks import Track

__all__ = ["SAME_PERSON", "Cast", "Part"]

SAME_PERSON = 0.35
"""Cosine from which on a face is taken for the person of a reference picture."""
_PERHAPS = 0.2
"""Cosine from which on a track may be, if another one that surely is resembles it as much as ``_ALIKE``."""
_ALIKE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One person's face for another person, or for anybody."""

    identity: Any
    """What the engine keeps of the person whose face it is."""
    likeness: NDArray[np.float32] | None
    """(512,) embedding of the person who gets it; None for whoever is chosen."""
    name: str
    """What to call in messages the picture of who gets it."""
    size: float
    """Width in pixels of the largest face in the pictures it is taken from."""


class Cast:
    """All parts of a run: one for whoever is chosen, or one for each person to be replaced."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(parts)

    @property
    def by_likeness(self) -> bool:
        """Whether faces are chosen by whom they show."""
        return self.parts[0].likeness is not None

    def part_of(self, embedding: NDArray[np.float32] | None) -> Part | None:
        """The part of the person with that embedding, None if there is none."""
        if not self.by_likeness:
            return self.parts[0]
        number, likeness = self._nearest(embedding)
        return self.parts[number] if likeness >= SAME_PERSON else None

    def parts_of(self, tracks: Sequence[Track]) -> Mapping[int, Part]:
        """The parts of the tracks that have one, by their number: one decision for the whole of a track.

        A track that resembles a person less than is needed, blurred or turned away as it may be, still gets her part if
        it is like a track that surely is her.
        """
        if not self.by_likeness:
            return {track.number: self.parts[0] for track in tracks}
        nearest = {track.number: self._nearest(track.embedding) for track in tracks}
        sure = [track for track in tracks if nearest[track.number][1] >= SAME_PERSON]
        given = {}
        for track in tracks:
            number, likeness = nearest[track.number]
            if likeness >= SAME_PERSON or (
                likeness >= _PERHAPS
                and any(
                    nearest[other.number][0] == number and _likeness(other.embedding, track.embedding) >= _ALIKE
                    for other in sure
                )
            ):
                given[track.number] = self.parts[number]
        return given

    def _nearest(self, embedding: NDArray[np.float32] | None) -> tuple[int, float]:
        likenesses = [_likeness(part.likeness, embedding) for part in self.parts]
        best = max(range(len(likenesses)), key=likenesses.__getitem__)
        return best, likenesses[best]


def _likeness(one: NDArray[np.float32] | None, other: NDArray[np.float32] | None) -> float:
    return -1.0 if one is None or other is None else similarity(one, other)
