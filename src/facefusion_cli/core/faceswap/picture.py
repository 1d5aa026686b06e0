"""Faces put into one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.content.explicit import refused_unless_fit
from facefusion_cli.core.faces.face import MINIMUM_SIZE
from facefusion_cli.core.faces.selection import no_face_found, select_faces
from facefusion_cli.core.faceswap.engine import Task
from facefusion_cli.core.faceswap.overlap import covers, lies_on, uncovered
from facefusion_cli.core.faceswap.portraits import about, named_notes
from facefusion_cli.core.faceswap.result import SwapResult
from facefusion_cli.core.media.composite import composite
from facefusion_cli.errors import NoFaceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faceswap.casting import Part
    from facefusion_cli.core.faceswap.loaded import Loaded
    from facefusion_cli.core.media.images import Picture

__all__ = ["swap_picture"]

_SOFT = 2.5
"""How many times wider than the source face a target face may be before the result is noticeably soft."""

Chosen = list[tuple[int, "Face", "Part"]]
"""Places in the list of faces, faces, and what they get."""


def swap_picture(loaded: Loaded, picture: Picture, name: str) -> tuple[Picture, SwapResult]:
    """The picture with new faces, and what was done; ``name`` is what to call it in messages.

    Raises:
        ContentRefusedError: it is pornographic.
        NoFaceError: it has no usable face, or nobody meant is in it.
    """
    with refused_unless_fit(picture.bgr, name):
        return _swapped(loaded, picture, name)


def _swapped(loaded: Loaded, picture: Picture, name: str) -> tuple[Picture, SwapResult]:
    faces = loaded.finder.find(picture.bgr)
    chosen = _resembling(loaded, picture, faces, name) if loaded.cast.by_likeness else _placed(loaded, faces, name)
    # Far (small) faces first, so that near ones cover them.
    ordered = sorted(chosen, key=lambda one: one[1].size)
    seen = loaded.embedded(picture.bgr, [face for _, face, _ in ordered])
    tasks = [Task(picture.bgr, face, part.identity) for face, (_, _, part) in zip(seen, ordered, strict=True)]
    over = covers(faces, lies_on(faces))
    with about(name):
        patches = [
            uncovered(patch, over[index])
            for (index, _, _), patch in zip(ordered, loaded.engine.swap(tasks), strict=True)
            if patch is not None
        ]
    swapped = composite(picture, patches)
    notes = [
        *loaded.notes,
        *named_notes(swapped),
        *_expectations(loaded, faces, chosen, name),
        *(note for patch in patches for note in patch.notes),
    ]
    return swapped, SwapResult(
        source=None,
        target=None,
        output=None,
        engine=loaded.entry.name,
        faces=tuple(index for index, _, _ in chosen),
        found=len(faces),
        seconds=0.0,
        notes=tuple(dict.fromkeys(notes)),
        common=loaded.notes,
    )


def _placed(loaded: Loaded, faces: Sequence[Face], name: str) -> Chosen:
    (part,) = loaded.cast.parts
    return [(index, face, part) for index, face in select_faces(faces, loaded.options.face, name=name)]


def _resembling(loaded: Loaded, picture: Picture, faces: Sequence[Face], name: str) -> Chosen:
    if not faces:
        raise no_face_found(name)
    known = loaded.embedded(picture.bgr, faces)
    chosen = [
        (index, face, part)
        for index, face in enumerate(known)
        if (part := loaded.cast.part_of(face.embedding)) is not None and face.size >= MINIMUM_SIZE
    ]
    if not chosen:
        people = " or ".join(part.name for part in loaded.cast.parts)
        raise NoFaceError(
            f"nobody in {name} resembles the person of {people}.",
            hint="Use a picture of the person that is sharper, lighter or more from the front.",
        )
    return chosen


def _expectations(loaded: Loaded, faces: Sequence[Face], chosen: Chosen, name: str) -> Iterator[str]:
    small = sum(face.size < MINIMUM_SIZE for face in faces)
    if small and (loaded.cast.by_likeness or loaded.options.face.rule == "all"):
        which = "one face" if small == 1 else f"{small} faces"
        yield f"{which} in {name} narrower than {MINIMUM_SIZE:.0f} pixels stayed as they were."
    _, largest, part = max(chosen, key=lambda one: one[1].size / one[2].size)
    if largest.size > _SOFT * part.size:
        yield (
            f"the source face is {part.size:.0f} pixels wide and the target's {largest.size:.0f}:"
            " the result will be soft."
        )
