"""What a lip sync engine is, and which ones there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.tools import Tools
    from facefusion_cli.core.lipsync.options import Pads
    from facefusion_cli.core.media.bounds import Bounds
    from facefusion_cli.core.media.marking.mark import Mark
    from facefusion_cli.core.media.patch import Patch
    from facefusion_cli.core.weights.provision import Provision

__all__ = [
    "ENGINES",
    "EngineEntry",
    "LipSyncer",
    "Speech",
    "SpeechTask",
    "SyncSettings",
    "candidate",
    "choose_engine",
    "engine_names",
]


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """What is heard while one frame is seen."""

    mel: NDArray[np.float32]
    """(80, 16): the mel columns of the 0.2 s that begin with the frame (see ``core/lipsync/mel.py``), -4 to 4."""
    opening: float
    """How far a speaking mouth is open, absolute: 0 closed to 1 a shout; the wanted gap of the lips is 0.62 mouth
    widths times this. Strength is in it."""
    spread: float
    """Shape of the mouth: -1 round ("oo") to 1 spread ("ee")."""
    silence: float
    """0 while somebody speaks, 1 where nobody does; ramps in between."""


@dataclass(frozen=True, slots=True, eq=False)
class SpeechTask:
    """One face that is to speak."""

    picture: NDArray[np.uint8]
    """(H, W, 3) BGR, sRGB; never changed."""
    face: Face
    """Its mesh is smoothed over the frames around."""
    speech: Speech


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """What the user may choose of how a mouth is made."""

    pads: Pads
    close_mouth: bool = True
    """Whether the mouth is closed while nobody speaks."""


class LipSyncer(Protocol):
    """Makes faces speak. Engines are deterministic and never change the arrays they are given."""

    name: str
    notes: tuple[str, ...]
    """Sentences the user should read once a run."""
    batch: int
    """How many tasks ``speak`` takes at once."""

    def left_alone(self, face: Face, shape: tuple[int, ...]) -> str:
        """Why it does not move the lips of a face in a picture of this (height, width), as in "the face is too small";
        "" if it does.
        """
        ...

    def bounds(self, face: Face) -> Bounds:
        """The part (x1, y1, x2, y2) of a picture that it looks at to make a face speak; more of it changes nothing."""
        ...

    def speak(self, tasks: Sequence[SpeechTask | None]) -> list[tuple[Patch, ...]]:
        """New pixels for each task, in the order in which they are to be pasted; none where nothing is to be changed.

        Takes ``batch`` tasks at most; None keeps a place free. What a task gets depends on nothing but itself and its
        place among them: whoever cuts the work in pieces gives each frame its own place, whatever is beside it.
        """
        ...


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """An engine that can be asked for by name; ``core/weights/needs.py`` lists the weights it needs."""

    name: str
    summary: str
    create: Callable[[SyncSettings, Tools], LipSyncer]
    generator: str = ""
    """The trained network whose pixels are in its results; "" where it only moves those of the video."""

    @property
    def mark(self) -> Mark:
        """What its results say about themselves."""
        from facefusion_cli.core.media.marking.mark import Mark

        return Mark(self.name, self.generator)


def _create_wav2lip(name: str) -> Callable[[SyncSettings, Tools], LipSyncer]:
    def create(settings: SyncSettings, tools: Tools) -> LipSyncer:
        from facefusion_cli.core.lipsync.wav2lip.engine import Wav2Lip

        return Wav2Lip.open(name, tools, settings)

    return create


def _create_mouth(settings: SyncSettings, _: Tools) -> LipSyncer:
    from facefusion_cli.core.lipsync.mouth.engine import MouthWarper

    return MouthWarper(settings)


ENGINES: tuple[EngineEntry, ...] = (
    EngineEntry("wav2lip", "the Wav2Lip network, best sync", _create_wav2lip("wav2lip"), "wav2lip"),
    EngineEntry("wav2lip-gan", "the same trained for sharper pictures", _create_wav2lip("wav2lip-gan"), "wav2lip_gan"),
    EngineEntry("mouth", "embedded, no download: the mouth moved with the mesh, basic quality", _create_mouth),
)
"""Best first; the last one needs no weights, so that ``auto`` always finds one."""


def engine_names() -> tuple[str, ...]:
    """All names an engine can be asked for by."""
    return ("auto", *(entry.name for entry in ENGINES))


def candidate(name: str) -> EngineEntry:
    """The engine of that name, for ``auto`` the best there is, whether its weights are stored or not.

    Raises:
        UsageError: there is no engine of that name.
    """
    if name not in engine_names():
        raise UsageError(f'there is no engine "{name}".', hint=f"Choose one of: {', '.join(engine_names())}.")
    return ENGINES[0] if name == "auto" else next(entry for entry in ENGINES if entry.name == name)


def choose_engine(name: str, provision: Provision) -> tuple[EngineEntry, str]:
    """The engine of that name, for ``auto`` the best one that can be had, and what the user should know of the choice.

    A named engine fetches the weights it lacks. ``auto`` offers to fetch those of the best engine, where there is
    somebody to ask; else the next one that is ready serves and the note says so ("" if there is nothing to say).

    Raises:
        UsageError: there is no engine of that name.
        WeightsError: the weights of the named engine cannot be had.
    """
    entry = candidate(name)
    if name != "auto":
        provision.require(entry.name)
        return entry, ""
    if provision.offer(entry.name):
        return entry, ""
    instead = next(other for other in ENGINES[1:] if provision.ready(other.name))
    return instead, provision.fallback_note(entry.name, instead.name)
