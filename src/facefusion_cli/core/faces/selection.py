"""Choosing among the faces of a picture: largest, leftmost, by index."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from facefusion_cli.errors import FaceIndexError, FaceTooSmallError, NoFaceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefusion_cli.core.faces.face import Face

__all__ = ["LARGEST", "FaceSelection", "no_face_found", "parse_selection", "select_faces"]

Rule = Literal["largest", "left", "right", "all", "indices"]
_WORDS: dict[str, Rule] = {"largest": "largest", "left": "left", "right": "right", "all": "all"}
_INDEX = re.compile(r"[0-9]{1,6}")  # ASCII only, unlike str.isdigit


@dataclass(frozen=True, slots=True)
class FaceSelection:
    """Which faces of a picture are meant."""

    rule: Rule
    indices: tuple[int, ...] = ()
    """With the rule ``indices``: places in the list of faces, counted from 0, left to right, in the order asked for."""


LARGEST = FaceSelection("largest")


def parse_selection(text: str, *, name: str, several: bool) -> FaceSelection:
    """Read a choice: ``largest``, ``left``, ``right`` or an index, and if ``several`` may be ``all`` or indices, too.

    ``name`` is what the caller's user knows this choice by: a parameter, an option.

    Raises:
        UsageError: it is none of these.
    """
    word = text.strip().lower()
    rule = _WORDS.get(word)
    if rule is not None and (several or rule != "all"):
        return FaceSelection(rule)
    parts = [part.strip() for part in word.split(",")]
    if all(_INDEX.fullmatch(part) for part in parts) and (several or len(parts) == 1):
        return FaceSelection("indices", tuple(dict.fromkeys(int(part) for part in parts)))
    allowed = "largest, left, right, all, an index or a list of them such as 0,2"
    if not several:
        allowed = "largest, left, right or an index"
    raise UsageError(
        f'"{text}" is no choice of face.',
        hint=f"{name} takes {allowed}; indices count from 0, left to right.",
    )


def select_faces(faces: Sequence[Face], selection: FaceSelection, *, name: str) -> list[tuple[int, Face]]:
    """The faces meant, each with its index in ``faces``, which must be sorted left to right.

    ``all`` leaves out faces that are too small as long as one is not. ``name`` stands in the messages for the picture:
    its file name in double quotes, or words such as "the source picture".

    Raises:
        NoFaceError: there are no faces.
        FaceIndexError: an index is beyond the last face.
        FaceTooSmallError: a face asked for is narrower than ``MINIMUM_SIZE``.
    """
    from facefusion_cli.core.faces.face import MINIMUM_SIZE  # late: choices are read before anything heavy is loaded

    if not faces:
        raise no_face_found(name)
    indices = _indices(faces, selection)
    beyond = [index for index in indices if index >= len(faces)]
    if beyond:
        raise FaceIndexError(
            f"there is no face {beyond[0]} in {name}, which has {_count(len(faces))}.",
            hint=f"Indices count from 0, left to right; the last one is {len(faces) - 1}.",
        )
    chosen = [(index, faces[index]) for index in indices]
    usable = [(index, face) for index, face in chosen if face.size >= MINIMUM_SIZE]
    if usable and (selection.rule == "all" or len(usable) == len(chosen)):
        return usable
    index, face = next((index, face) for index, face in chosen if face.size < MINIMUM_SIZE)
    which = f"face {index} in {name} is" if len(faces) > 1 else f"the face in {name} is"
    if selection.rule == "all" and len(faces) > 1:
        index, face = max(chosen, key=lambda pair: pair[1].size)
        which = f"the largest face in {name} is"
    raise FaceTooSmallError(
        f"{which} only {int(face.size)} pixels wide, {MINIMUM_SIZE:.0f} are needed.",
        hint="Use a picture of higher resolution or choose a larger face.",
    )


def no_face_found(name: str) -> NoFaceError:
    """The error for a picture without faces; ``name`` as for ``select_faces``."""
    return NoFaceError(
        f"no face was found in {name}.",
        hint="Use a picture in which the face is larger, sharper, lighter or less turned away.",
    )


def _indices(faces: Sequence[Face], selection: FaceSelection) -> list[int]:
    """Places in ``faces``; only those given by number may not exist."""
    everyone = range(len(faces))
    match selection.rule:
        case "indices":
            return list(selection.indices)
        case "all":
            return list(everyone)
        case "left":
            return [0]
        case "right":
            return [len(faces) - 1]
        case "largest":
            return [max(everyone, key=lambda index: faces[index].size)]


def _count(number: int) -> str:
    return "one face" if number == 1 else f"{number} faces"
