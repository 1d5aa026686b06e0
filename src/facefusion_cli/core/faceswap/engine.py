"""What a face swapping engine is, and which ones there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.tools import Tools
    from facefusion_cli.core.faces.tracking.observer import FaceFinder
    from facefusion_cli.core.media.bounds import Bounds
    from facefusion_cli.core.media.marking.mark import Mark
    from facefusion_cli.core.media.patch import Patch
    from facefusion_cli.core.weights.provision import Provision

__all__ = [
    "ENGINES",
    "EngineEntry",
    "FaceSwapper",
    "Source",
    "SwapSettings",
    "Task",
    "candidate",
    "check_engine",
    "choose_engine",
    "engine_names",
]


Identity = TypeVar("Identity")
"""Whatever an engine keeps of a person; only the engine that made it can read it."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One picture of a person whose face is wanted."""

    picture: NDArray[np.uint8]
    """(H, W, 3) BGR, sRGB."""
    face: Face
    """With ``keypoints`` and ``embedding`` where the engine has a detector and a recognition network."""


@dataclass(frozen=True, slots=True, eq=False)
class Task(Generic[Identity]):
    """One face to be replaced."""

    picture: NDArray[np.uint8]
    """(H, W, 3) BGR, sRGB; never changed."""
    face: Face
    identity: Identity
    usual_size: float = 0.0
    """Width in pixels that the face has as a rule in a video, for what must not change from frame to frame; 0 for a
    picture."""


@dataclass(frozen=True, slots=True)
class SwapSettings:
    """What the user may choose of how a face is made; engines say in a note what they cannot do."""

    boost: int = 0
    """Pixels of the crop over 128, 1 to 4; 0 for as many as the face has on screen."""
    strength: float = 1.0
    """0 to 1: how much of the source's identity; at 0 the target keeps its own."""
    keep_mouth: bool = False
    """Leave the target's own mouth as it is."""


class FaceSwapper(Protocol[Identity]):
    """Puts one person's face on another's. Engines are deterministic and never change the arrays they are given."""

    name: str
    notes: tuple[str, ...]
    """Sentences the user should read once a run: on what it runs, what it leaves out."""

    def prepare(self, sources: Sequence[Source]) -> Identity:
        """Take from pictures of one person all that ``swap`` will need, once.

        What is returned may have ``notes``: sentences for the user on what to expect of this person.

        Raises:
            UsageError: several pictures, and the engine can use only one.
        """
        ...

    def bounds(self, face: Face) -> Bounds:
        """The part (x1, y1, x2, y2) of a picture that ``swap`` looks at for a face; more of it changes nothing."""
        ...

    def swap(self, tasks: Sequence[Task[Identity]]) -> list[Patch | None]:
        """New pixels for each face, None for one that is not in its picture; each depends on its own task only."""
        ...


def _embedded_finder(_: Tools) -> FaceFinder:
    from facefusion_cli.core.faces.finder import shared_analyser

    return shared_analyser()


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """An engine that can be asked for by name; ``core/weights/needs.py`` lists the weights it needs."""

    name: str
    summary: str
    create: Callable[[SwapSettings, Tools], FaceSwapper[Any]]
    finder: Callable[[Tools], FaceFinder] = _embedded_finder
    """What finds faces for it."""
    recognises: bool = False
    """Whether it tells persons apart, so that faces can be chosen by resemblance."""
    generator: str = ""
    """The trained network whose pixels are in its results; "" where it only moves and mixes those of pictures."""

    @property
    def mark(self) -> Mark:
        """What its results say about themselves."""
        from facefusion_cli.core.media.marking.mark import Mark

        return Mark(self.name, self.generator)


def _create_inswapper(settings: SwapSettings, tools: Tools) -> FaceSwapper[Any]:
    from facefusion_cli.core.faceswap.inswapper.engine import InSwapper

    return InSwapper.open(tools, settings)


def _create_mesh_engine(settings: SwapSettings, _: Tools) -> FaceSwapper[Any]:
    from facefusion_cli.core.faceswap.mesh.engine import MeshSwapper

    return MeshSwapper(settings)


ENGINES: tuple[EngineEntry, ...] = (
    EngineEntry(
        "inswapper",
        "InsightFace's detector and inswapper_128, best quality",
        _create_inswapper,
        lambda tools: tools.insight,
        recognises=True,
        generator="inswapper_128",
    ),
    EngineEntry("mesh", "embedded, no download: 478-point mesh warp, basic quality", _create_mesh_engine),
)
"""Best first; the last one needs no weights, so that ``auto`` always finds one."""


def engine_names() -> tuple[str, ...]:
    """All names an engine can be asked for by."""
    return ("auto", *(entry.name for entry in ENGINES))


def check_engine(name: str) -> None:
    """Raise UsageError if there is no engine of that name."""
    if name not in engine_names():
        raise UsageError(f'there is no engine "{name}".', hint=f"Choose one of: {', '.join(engine_names())}.")


def candidate(name: str) -> EngineEntry:
    """The engine of that name, for ``auto`` the best there is, whether its weights are stored or not.

    Raises:
        UsageError: there is no engine of that name.
    """
    check_engine(name)
    return ENGINES[0] if name == "auto" else next(entry for entry in ENGINES if entry.name == name)


def choose_engine(name: str, provision: Provision, *, recognising: str = "") -> tuple[EngineEntry, str]:
    """The engine of that name, for ``auto`` the best one that can be had, and what the user should know of the choice.

    A named engine fetches the weights it lacks. ``auto`` offers to fetch those of the best engine, where there is
    somebody to ask; else the next one serves and the note says so ("" if there is nothing to say). ``recognising``
    names what was asked for that only an engine that recognises persons can do; then there is no next one.

    Raises:
        UsageError: there is no engine of that name, or it cannot do what was asked for.
        WeightsMissingError: ``auto`` cannot have the only engine that can.
        WeightsError: the weights of the named engine cannot be had.
    """
    entry = candidate(name)
    if recognising and not entry.recognises:
        able = ", ".join(entry.name for entry in ENGINES if entry.recognises)
        raise UsageError(
            f"the {entry.name} engine cannot tell persons apart, which {recognising} needs.",
            hint=f"Choose another engine: {able}.",
        )
    if name != "auto":
        provision.require(entry.name)
        return entry, ""
    if provision.offer(entry.name):
        return entry, ""
    if recognising:
        raise provision.lacking_error(entry.name, f"{recognising} needs")
    instead = next(entry for entry in ENGINES[1:] if provision.ready(entry.name))
    return instead, provision.fallback_note(entry.name, instead.name)
