"""Where another scene begins, told from small pictures of the frames.

A cut replaces the picture: it changes in most places and much more than it lately did, and the middle of the new
picture is not found in the old one, wherever the camera has turned in between and however much lighter or darker it has
become. A flash does the same, but soon after it the old picture is back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import takewhile
from statistics import median
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.tracking.observations import GLIMPSE_SHAPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.tracking.observations import Seen

__all__ = ["GLIMPSES_AFTER", "GLIMPSES_BEFORE", "Frame", "at_border", "glimpse", "is_cut", "with_cuts"]

_CHANGE = 8.0  # mean difference in levels below which nothing was replaced
_EVERYWHERE = 0.5  # share of the picture that has to change by half of that: less is something in front of it
_SUDDEN = 2.5  # how many times more than it lately was
_LATELY = 8  # frames
_ALIKE = 0.75  # correlation of the middle with the best place in the other picture
_AHEAD = 3  # frames; a flash is not longer
_FLAT = 2.0  # standard deviation in levels of a picture that shows nothing

GLIMPSES_BEFORE, GLIMPSES_AFTER = _LATELY + _AHEAD, 2 * _AHEAD
"""Frames before and after the border of two stretches whose glimpses tell what a cut is there."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame of a stretch of video."""

    picture: NDArray[np.uint8]
    glimpse: NDArray[np.uint8]
    cut: bool
    """Another scene begins here."""
    ends: bool
    """It is the last one of its scene or of the stretch."""


def glimpse(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A (H, W, 3) picture at ``GLIMPSE_SHAPE``, cheaply."""
    rows, columns, _ = GLIMPSE_SHAPE
    height, width = picture.shape[:2]
    step = max(1, min(height // (4 * rows), width // (4 * columns)))
    some = cv2.resize(picture, (width // step, height // step), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.resize(some, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def is_cut(before: NDArray[np.uint8], after: NDArray[np.uint8], usual: float = 0.0) -> bool:
    """Whether two neighbouring glimpses show different scenes; ``usual`` is the ``change`` between frames so far."""
    difference = cv2.absdiff(before, after).mean(axis=2)
    replaced = float((cv2.blur(difference, (5, 5)) > _CHANGE / 2).mean()) > _EVERYWHERE
    return replaced and difference.mean() > max(_CHANGE, _SUDDEN * usual) and not _alike(before, after)


def with_cuts(frames: Iterable[NDArray[np.uint8]]) -> Iterator[Frame]:
    """The frames, a few of them held back to see whether what changed changes back."""
    watch = _Watch()
    coming: deque[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = deque()
    for picture in frames:
        coming.append((picture, glimpse(picture)))
        if len(coming) > _AHEAD:
            yield watch.next(coming)
    while coming:
        yield watch.next(coming)


def at_border(before: Sequence[Seen], after: Sequence[Seen]) -> list[Seen]:
    """The last frames of a stretch and the first of the next, with cuts where all their glimpses together have them.

    A stretch seen alone takes a flash near its end for another scene, and what follows one at its beginning.
    """
    both, border = [*before, *after], len(before)
    earlier, later = (
        [glimpse for glimpse in takewhile(lambda one: one is not None, glimpses) if glimpse is not None]
        for glimpses in ((seen.glimpse for seen in reversed(before)), (seen.glimpse for seen in after))
    )
    if not (earlier and later):
        return both
    start = border - len(earlier)
    for index, frame in enumerate(with_cuts([*reversed(earlier), *later]), start):
        if max(start, border - _AHEAD) < index < border + _AHEAD:
            both[index] = replace(both[index], cut=frame.cut)
    return both


class _Watch:
    """What is known of the scene so far."""

    def __init__(self) -> None:
        self._steady: NDArray[np.uint8] | None = None  # the last glimpse that no flash was in
        self._changes: deque[float] = deque(maxlen=_LATELY)
        self._cut = False  # whether the next frame begins another scene

    def next(self, coming: deque[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> Frame:
        """Take the first frame from those that are coming."""
        picture, seen = coming.popleft()
        cut = self._cut
        if cut or self._steady is None:
            self._steady = seen
            self._changes.clear()
        elif not is_cut(self._steady, seen, self._usual):
            self._changes.append(_change(self._steady, seen))
            self._steady = seen
        steady, usual = self._steady, self._usual
        self._cut = bool(coming) and all(is_cut(steady, later, usual) for _, later in coming)
        return Frame(picture, seen, cut, self._cut or not coming)

    @property
    def _usual(self) -> float:
        return median(self._changes) if self._changes else 0.0


def _change(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    return float(cv2.absdiff(before, after).mean())


def _alike(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> bool:
    """Whether the middle of one is found in the other, in other light perhaps."""
    old, new = (cv2.cvtColor(one, cv2.COLOR_BGR2GRAY) for one in (before, after))
    rows, columns = old.shape
    middle = new[rows // 4 : rows - rows // 4, columns // 5 : columns - columns // 5]
    if middle.std() < _FLAT:
        return False
    return float(cv2.matchTemplate(old, middle, cv2.TM_CCOEFF_NORMED).max()) > _ALIKE
