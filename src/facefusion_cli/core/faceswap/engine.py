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

__all__ = ["ENGINES", "EngineEntry", "FaceSwapper", "choose_engine", "engine_names"]


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
    """An engine that can be asked for by name."""

    name: str
    summary: str
    create: Callable[[], FaceSwapper[Any]]
    ready: Callable[[], bool]
    """Whether it could run now, without fetching anything."""


def _create_mesh_engine() -> FaceSwapper[Any]:
    from facefusion_cli.core.faceswap.mesh.engine import MeshSwapper

    return MeshSwapper()


ENGINES: tuple[EngineEntry, ...] = (
    EngineEntry("mesh", "embedded, no download: 478-point mesh warp, basic quality", _create_mesh_engine, lambda: True),
)
"""Best first: ``auto`` takes the first one that is ready."""


def engine_names() -> tuple[str, ...]:
    """All names ``choose_engine`` takes."""
    return ("auto", *(entry.name for entry in ENGINES))


def choose_engine(name: str) -> EngineEntry:
    """The engine of that name, for ``auto`` the best one that is ready.

    Raises:
        UsageError: there is no engine of that name.
    """
    if name == "auto":
        return next(entry for entry in ENGINES if entry.ready())
    for entry in ENGINES:
        if entry.name == name:
            return entry
    raise UsageError(f'there is no engine "{name}".', hint=f"Choose one of: {', '.join(engine_names())}.")
