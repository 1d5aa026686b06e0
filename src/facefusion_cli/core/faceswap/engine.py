"""What a face swapping engine is, and which ones there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.media.patch import Patch
    from facefusion_cli.core.weights.provision import Provision

__all__ = ["ENGINES", "EngineEntry", "FaceSwapper", "check_engine", "choose_engine", "engine_names"]


Identity = TypeVar("Identity")
"""Whatever an engine keeps of the source face; only the engine that made it can read it."""


class FaceSwapper(Protocol[Identity]):
    """Puts one person's face on another's.

    Pictures are (H, W, 3) uint8 BGR, sRGB. Engines are deterministic and never change the arrays they are given.
    """

    name: str

    def prepare(self, picture: NDArray[np.uint8], face: Face) -> Identity:
        """Take from the source picture all that ``swap`` will need, once."""
        ...

    def swap(self, picture: NDArray[np.uint8], face: Face, identity: Identity) -> Patch:
        """New pixels for ``face`` in the target ``picture``; depends on nothing else in it."""
        ...


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """An engine that can be asked for by name; ``core/weights/needs.py`` lists the weights it needs."""

    name: str
    summary: str
    create: Callable[[], FaceSwapper[Any]]


def _create_mesh_engine() -> FaceSwapper[Any]:
    from facefusion_cli.core.faceswap.mesh.engine import MeshSwapper

    return MeshSwapper()


ENGINES: tuple[EngineEntry, ...] = (
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


def choose_engine(name: str, provision: Provision) -> tuple[EngineEntry, str]:
    """The engine of that name, for ``auto`` the best one that can be had, and what the user should know of the choice.

    A named engine fetches the weights it lacks. ``auto`` offers to fetch those of the best engine, where there is
    somebody to ask; else the next one serves and the note says so ("" if there is nothing to say).

    Raises:
        UsageError: there is no engine of that name.
        WeightsError: the weights of the named engine cannot be had.
    """
    check_engine(name)
    if name != "auto":
        entry = next(entry for entry in ENGINES if entry.name == name)
        provision.require(entry.name)
        return entry, ""
    best = ENGINES[0]
    if provision.offer(best.name):
        return best, ""
    entry = next(entry for entry in ENGINES[1:] if provision.ready(entry.name))
    return entry, provision.fallback_note(best.name, entry.name)
