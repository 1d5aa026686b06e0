"""Who gets whose face: parts, given to whoever was chosen, or by resemblance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.faces.tracking.likeness import SAME_PERSON, nearest_person, persons_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.tracking.tracks import Track

__all__ = ["Cast", "Part"]


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
        number, likeness = nearest_person(self._likenesses, embedding)
        return self.parts[number] if likeness >= SAME_PERSON else None

    def parts_of(self, tracks: Sequence[Track]) -> Mapping[int, Part]:
        """The parts of the tracks that have one, by their number; see ``persons_of``."""
        if not self.by_likeness:
            return {track.number: self.parts[0] for track in tracks}
        return {number: self.parts[person] for number, person in persons_of(tracks, self._likenesses).items()}

    @property
    def _likenesses(self) -> list[NDArray[np.float32]]:
        return [part.likeness for part in self.parts if part.likeness is not None]
