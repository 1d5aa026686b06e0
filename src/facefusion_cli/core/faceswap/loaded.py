"""Everything a swap needs, in memory: one for all targets of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.faces.selection import no_face_found
from facefusion_cli.core.faceswap.casting import Cast, Part
from facefusion_cli.core.faceswap.portraits import about, read_portrait

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.tools import Tools
    from facefusion_cli.core.faces.tracking.observer import FaceFinder
    from facefusion_cli.core.faceswap.engine import EngineEntry, FaceSwapper
    from facefusion_cli.core.faceswap.options import SwapOptions
    from facefusion_cli.core.faceswap.portraits import Portrait, Sitter

__all__ = ["Loaded", "Portraits", "load"]


@dataclass(frozen=True, slots=True, eq=False)
class Portraits:
    """All pictures of persons that a run was given."""

    source: Portrait | None
    extra: tuple[Portrait, ...]
    reference: Portrait | None
    pairs: tuple[tuple[Portrait, Portrait], ...]

    @classmethod
    def read(cls, source: Path | NDArray[np.uint8] | None, options: SwapOptions) -> Portraits:
        """Read them, without looking for faces yet.

        Raises:
            InputError: one cannot be read.
        """
        people = options.people
        name = "the source picture"
        return cls(
            None if source is None else read_portrait(source, name),
            tuple(read_portrait(path, name) for path in people.extra_sources),
            None if people.reference is None else read_portrait(people.reference, name),
            tuple((read_portrait(one, name), read_portrait(other, name)) for one, other in people.pairs),
        )

    def refuse_faceless(self, finder: FaceFinder) -> None:
        """Raise NoFaceError if ``finder`` sees no face at all in one of them."""
        pairs = (portrait for pair in self.pairs for portrait in pair)
        for portrait in (self.source, *self.extra, self.reference, *pairs):
            if portrait is not None and not finder.find(portrait.pixels):
                raise no_face_found(portrait.name)


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """Engine, finder and parts, ready for targets."""

    entry: EngineEntry
    engine: FaceSwapper[Any]
    finder: FaceFinder
    tools: Tools
    cast: Cast
    options: SwapOptions
    notes: tuple[str, ...]
    """Sentences about the pictures of persons."""

    @property
    def recognises(self) -> bool:
        """Whether target faces need their embeddings."""
        return self.cast.by_likeness or (self.entry.recognises and self.options.settings.strength < 1)

    def embedded(self, picture: NDArray[np.uint8], faces: Sequence[Face]) -> list[Face]:
        """The faces with their embeddings if they are needed."""
        return self.tools.recogniser.embed(picture, faces) if self.recognises else list(faces)


def load(entry: EngineEntry, tools: Tools, portraits: Portraits, options: SwapOptions) -> Loaded:
    """Load the engine and have it take what it needs of the persons.

    Raises:
        NoFaceError: a picture of a person shows no usable face.
        WeightsError, DeviceError: a network cannot be loaded or run.
        UsageError: the engine cannot do what the options ask for.
    """
    finder, engine = entry.finder(tools), entry.create(options.settings, tools)
    notes: list[str] = []

    def likeness(portrait: Portrait) -> NDArray[np.float32]:
        sitter = portrait.sitter(finder)
        notes.extend(sitter.notes)
        (face,) = tools.recogniser.embed(sitter.source.picture, [sitter.source.face])
        assert face.embedding is not None
        return face.embedding

    def part(sitters: Sequence[Sitter], of: Portrait | None) -> Part:
        for sitter in sitters:
            notes.extend(sitter.notes)
        with about(sitters[0].name):
            identity = engine.prepare([sitter.source for sitter in sitters])
        notes.extend(getattr(identity, "notes", ()))
        return Part(
            identity,
            None if of is None else likeness(of),
            "" if of is None else of.name,
            max(sitter.source.face.size for sitter in sitters),
        )

    if portraits.source is None:
        parts = [part([source.sitter(finder)], person) for person, source in portraits.pairs]
    else:
        first = portraits.source.sitter(finder, options.source_face)
        if portraits.extra:
            first = first.known(tools.recogniser.embed)
        others = [portrait.again(finder, tools.recogniser.embed, first) for portrait in portraits.extra]
        parts = [part([first, *others], portraits.reference)]
    return Loaded(entry, engine, finder, tools, Cast(parts), options, tuple(dict.fromkeys(notes)))
