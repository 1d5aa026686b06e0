"""Pictures of the persons a swap is about: read first, looked at when it is settled what looks."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from facefusion_cli.core.faces.finder import checked_array
from facefusion_cli.core.faces.recognition import similarity
from facefusion_cli.core.faces.selection import LARGEST, no_face_found, select_faces
from facefusion_cli.core.faceswap.engine import Source
from facefusion_cli.core.media.images import picture_from_array, read_picture
from facefusion_cli.errors import NoFaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.selection import FaceSelection
    from facefusion_cli.core.faces.tracking.observer import FaceFinder
    from facefusion_cli.core.media.images import Picture

_ANOTHER = 0.2
"""Cosine below which two faces are surely not the same person."""

__all__ = ["Portrait", "Sitter", "about", "named_notes", "read_given", "read_portrait"]


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A picture of a person; whose face in it is meant is not settled yet."""

    pixels: NDArray[np.uint8]
    """(H, W, 3) BGR, sRGB."""
    name: str
    """What to call it in messages."""
    notes: tuple[str, ...]

    def sitter(self, finder: FaceFinder, selection: FaceSelection | None = None) -> Sitter:
        """The person meant; None: the largest face, and the user has no choice.

        Raises:
            NoFaceError: there is no usable face, or not as many.
        """
        faces = finder.find(self.pixels)
        ((_, face),) = select_faces(faces, selection or LARGEST, name=self.name)
        notes = self.notes
        if len(faces) > 1 and (selection is None or selection.rule == "largest"):
            remedy = "Cut it to the person meant, if it is another." if selection is None else "It can be chosen."
            notes = (*notes, f"{self.name} has {len(faces)} faces: the largest was taken. {remedy}")
        return Sitter(Source(self.pixels, face), self.name, notes)

    def again(
        self, finder: FaceFinder, embed: Callable[[NDArray[np.uint8], Sequence[Face]], list[Face]], person: Sitter
    ) -> Sitter:
        """The same person as another sitter, who is ``known``: of several faces the one that is most like her.

        Raises:
            NoFaceError: there is no face.
        """
        faces = finder.find(self.pixels)
        if not faces:
            raise no_face_found(self.name)
        known = embed(self.pixels, faces)
        of_model = person.source.face.embedding
        assert of_model is not None
        face = max(known, key=lambda one: -1.0 if one.embedding is None else similarity(one.embedding, of_model))
        notes = self.notes
        assert face.embedding is not None
        if similarity(face.embedding, of_model) < _ANOTHER:
            notes = (*notes, f"{self.name} seems to show another person than {person.name}: their faces are mixed.")
        return Sitter(Source(self.pixels, face), self.name, notes)


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """A person, as one picture shows her."""

    source: Source
    name: str
    notes: tuple[str, ...]

    def known(self, embed: Callable[[NDArray[np.uint8], Sequence[Face]], list[Face]]) -> Sitter:
        """The same with the face's embedding."""
        (face,) = embed(self.source.picture, [self.source.face])
        return replace(self, source=replace(self.source, face=face))


def read_portrait(given: Path | NDArray[np.uint8], name: str) -> Portrait:
    """Read a picture of a person; ``name`` is what to call an array.

    Raises:
        InputError: it cannot be read.
    """
    picture, name = read_given(given, name)
    return Portrait(picture.bgr, name, named_notes(picture))


def read_given(given: Path | NDArray[np.uint8], name: str) -> tuple[Picture, str]:
    """The picture of a file or array, and what to call it in messages: ``name`` for an array.

    Raises:
        InputError: it cannot be read.
    """
    if isinstance(given, Path):
        return read_picture(given), f'"{given}"'
    return picture_from_array(checked_array(given), Path(name)), name


def named_notes(picture: Picture) -> tuple[str, ...]:
    """The picture's notes, each with its file's name: a swap reads several."""
    return tuple(f'"{picture.path}": {note}' for note in picture.notes)


@contextmanager
def about(name: str) -> Iterator[None]:
    """Put the name of the picture before what an engine says, which sees pixels only."""
    try:
        yield
    except NoFaceError as error:
        raise type(error)(f"{name}: {error.message}", hint=error.hint) from error
