"""The first reading of all observations: which of them belong together, and a few numbers of each."""

from __future__ import annotations

from array import array
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.tracking.cuts import GLIMPSES_AFTER, GLIMPSES_BEFORE, at_border
from facefusion_cli.core.faces.tracking.keypoints import offset
from facefusion_cli.core.faces.tracking.linking import Linker
from facefusion_cli.core.faces.tracking.observations import load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.tracking.observations import Seen

__all__ = ["Survey"]


class Survey:
    """What is kept of the observations: some 20 bytes each, 50 more where the detector looked."""

    def __init__(self, files: Sequence[Path], longest_gap: int) -> None:
        """Read the files of consecutive stretches.

        Raises:
            OutputError: a file is damaged.
        """
        self.linker = Linker(longest_gap)
        self.lengths: list[int] = []
        """Frames in each file."""
        self._scenes = array("q", [0])
        self._facts = array("f")
        self._look_places, self._look_offsets = array("q"), array("f")
        held: deque[Seen] = deque()
        for file in files:
            frames = load(file)
            beginning = list(islice(frames, GLIMPSES_AFTER))
            held = deque(at_border(held, beginning))
            length = len(beginning)
            for seen in frames:
                held.append(seen)
                length += 1
                while len(held) > GLIMPSES_BEFORE:
                    self._take(held.popleft())
            self.lengths.append(length)
        for seen in held:
            self._take(seen)

    def _take(self, seen: Seen) -> None:
        if seen.cut:
            self._scenes.append(self.linker.frames)
        for face in seen.faces:
            self._note(face)
        self.linker.next(seen.faces, cut=seen.cut, traces=seen.traces)

    def _note(self, face: Face) -> None:
        x1, _, x2, _ = face.box
        if face.keypoints is not None:
            self._look_places.append(len(self._facts) // 3)
            self._look_offsets.frombytes(offset(face).tobytes())
        self._facts.extend((face.size, (x1 + x2) / 2, face.score))

    @property
    def starts(self) -> NDArray[np.int64]:
        """(frames + 1,) for each frame the place of its first observation."""
        return np.array(self.linker.starts, np.int64)

    @property
    def scenes(self) -> NDArray[np.int64]:
        """First frame of each scene."""
        return np.array(self._scenes, np.int64)

    @property
    def facts(self) -> NDArray[np.float32]:
        """(observations, 3) size, x and score."""
        return np.array(self._facts, np.float32).reshape(-1, 3)

    @property
    def looks(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Places of the observations with the detector's points, and their (N, 5, 2) offsets."""
        return np.array(self._look_places, np.int64), np.array(self._look_offsets, np.float32).reshape(-1, 5, 2)
