"""One source face, put into any number of pictures."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facefusion_cli.core.device import gpu_asked, select_device
from facefusion_cli.core.faces.face import MINIMUM_SIZE
from facefusion_cli.core.faces.finder import checked_array, shared_analyser
from facefusion_cli.core.faces.selection import FaceSelection, parse_selection, select_faces
from facefusion_cli.core.faceswap.engine import check_engine, choose_engine
from facefusion_cli.core.media.composite import composite
from facefusion_cli.core.media.encode import check_quality, write_picture
from facefusion_cli.core.media.images import picture_from_array, read_picture
from facefusion_cli.core.media.outputs import AtomicOutput, plan_outputs
from facefusion_cli.core.weights.needs import ENGINE_WEIGHTS
from facefusion_cli.core.weights.provision import Provision
from facefusion_cli.errors import NoFaceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faceswap.engine import EngineEntry, FaceSwapper
    from facefusion_cli.core.media.images import Picture
    from facefusion_cli.core.media.outputs import Output

__all__ = ["SwapJob", "SwapOptions", "SwapResult", "swap_faces"]

_LARGEST = FaceSelection("largest")
_SOFT = 2.5
"""How many times wider than the source face a target face may be before the result is noticeably soft."""


@dataclass(frozen=True, slots=True)
class SwapOptions:
    """What the user may choose; see ``swap_faces``."""

    engine: str = "auto"
    face: FaceSelection = _LARGEST
    source_face: FaceSelection = _LARGEST
    """The rule must be one that takes a single face."""
    image_quality: int = 95
    keep_metadata: bool = False
    device: str | None = None
    """As ``select_device`` takes it; None for ``FACEFUSION_DEVICE``, else auto."""


@dataclass(frozen=True, slots=True, eq=False)
class SwapResult:
    """What became of one target."""

    source: Path | None
    """The source's file, None where an array was given."""
    target: Path | None
    output: Path | None
    """The file written, None where none was asked for."""
    engine: str
    faces: tuple[int, ...]
    """Indices of the faces replaced, counted from 0, left to right."""
    found: int
    """How many faces the target has."""
    seconds: float
    notes: tuple[str, ...]
    """Sentences the user should read: what was odd about the files, what to expect of the result."""
    image: NDArray[np.uint8] | None
    """(H, W, 3) BGR, sRGB: the result where no output file was asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    pixels: NDArray[np.uint8]
    """(H, W, 3) BGR, sRGB."""
    name: str
    """What to call it in messages."""
    face: Face
    notes: tuple[str, ...]


class SwapJob:
    """Reads the source once and puts its face into one target after another.

    Making one is cheap. ``read`` reads the source, ``choose`` decides on the engine, ``prepare`` loads it; the first
    ``run`` or ``swap`` does what has not been done, and looks for the target's face before it asks for an engine.

    Raises:
        UsageError: an option cannot be.
    """

    def __init__(
        self,
        source: Path | NDArray[np.uint8],
        options: SwapOptions | None = None,
        provision: Provision | None = None,
    ) -> None:
        self._options = options or SwapOptions()
        self._source_path = source if isinstance(source, Path) else None
        self._source_pixels = None if isinstance(source, Path) else source
        self._provision = provision
        check_engine(self._options.engine)
        check_quality(self._options.image_quality)
        self._gpu_asked = gpu_asked(self._options.device)

    def read(self) -> None:
        """Read the source and find its face now.

        Raises:
            InputError: the source cannot be read.
            NoFaceError: it has no usable face.
        """
        _ = self._source

    def choose(self) -> str:
        """Decide on the engine, once, with its weights in place; what the user should know of it, or "".

        Raises:
            DeviceError: a GPU was asked for that cannot be used.
            WeightsError: the engine was named and its weights cannot be had.
        """
        return self._choice[1]

    def prepare(self) -> None:
        """Have the engine take what it needs of the source now.

        Raises:
            InputError, NoFaceError: see ``read``.
            WeightsError: see ``choose``.
        """
        _ = self._identity

    def run(self, output: Output) -> SwapResult:
        """Write the target of ``output`` with the source's face to the path of ``output``.

        Raises:
            InputError: a file cannot be read.
            NoFaceError: the source or the target has no usable face.
            OutputError: the result cannot be written; nothing is left behind then.
        """
        started = time.perf_counter()
        with AtomicOutput(output, [self._source_path] if self._source_path is not None else []) as file:
            swapped, result = self._swap(output.target)
            written = write_picture(
                swapped,
                file.temporary,
                quality=self._options.image_quality,
                keep_metadata=self._options.keep_metadata,
            )
            path = file.commit()
        notes = tuple(dict.fromkeys((*result.notes, *written)))
        return replace(result, output=path, notes=notes, seconds=time.perf_counter() - started)

    def swap(self, target: Path | NDArray[np.uint8]) -> SwapResult:
        """The target with the source's face, as an array.

        Raises:
            InputError: a file cannot be read.
            NoFaceError: the source or the target has no usable face.
        """
        started = time.perf_counter()
        swapped, result = self._swap(target)
        return replace(result, image=swapped.bgr, seconds=time.perf_counter() - started)

    def _swap(self, target: Path | NDArray[np.uint8]) -> tuple[Picture, SwapResult]:
        source = self._source
        picture, name = _read(target, "the target picture")
        faces = shared_analyser().find(picture.bgr)
        chosen = select_faces(faces, self._options.face, name=name)
        identity = self._identity
        # Far (small) faces first, so that near ones cover them.
        ordered = sorted((face for _, face in chosen), key=lambda face: face.size)
        with _about(name):
            patches = [self._engine.swap(picture.bgr, face, identity) for face in ordered]
        swapped = composite(picture, patches)
        notes = [
            *source.notes,
            *_named(swapped),
            *self._expectations(faces, chosen, name, source),
            *(note for patch in patches for note in patch.notes),
        ]
        return swapped, SwapResult(
            source=self._source_path,
            target=target if isinstance(target, Path) else None,
            output=None,
            engine=self._choice[0].name,
            faces=tuple(index for index, _ in chosen),
            found=len(faces),
            seconds=0.0,
            notes=tuple(dict.fromkeys(notes)),
            image=None,
        )

    def _expectations(
        self, faces: Sequence[Face], chosen: Sequence[tuple[int, Face]], name: str, source: _Source
    ) -> Iterator[str]:
        small = sum(face.size < MINIMUM_SIZE for face in faces)
        if self._options.face.rule == "all" and small:
            which = "one face" if small == 1 else f"{small} faces"
            yield f"{which} in {name} narrower than {MINIMUM_SIZE:.0f} pixels stayed as they were."
        largest = max(face.size for _, face in chosen)
        if largest > _SOFT * source.face.size:
            yield (
                f"the source face is {source.face.size:.0f} pixels wide and the target's {largest:.0f}:"
                " the result will be soft."
            )

    @cached_property
    def _choice(self) -> tuple[EngineEntry, str]:
        # First, since weights take long to fetch.
        device = select_device(self._options.device) if self._gpu_asked else None
        entry, note = choose_engine(self._options.engine, self._provision or Provision())
        if device is not None and entry.name not in ENGINE_WEIGHTS:
            note = f"{note} The {entry.name} engine always runs on the processor, not on {device.name}.".strip()
        return entry, note

    @cached_property
    def _engine(self) -> FaceSwapper[Any]:
        return self._choice[0].create()

    @cached_property
    def _source(self) -> _Source:
        given = self._source_path if self._source_path is not None else self._source_pixels
        assert given is not None
        picture, name = _read(given, "the source picture")
        faces = shared_analyser().find(picture.bgr)
        ((_, face),) = select_faces(faces, self._options.source_face, name=name)
        notes = list(_named(picture))
        if len(faces) > 1 and self._options.source_face.rule == "largest":
            notes.append(f"{name} has {len(faces)} faces: the largest was taken. The source face can be chosen.")
        return _Source(picture.bgr, name, face, tuple(notes))

    @cached_property
    def _identity(self) -> Any:
        source = self._source
        with _about(source.name):
            return self._engine.prepare(source.pixels, source.face)


def swap_faces(
    source: str | os.PathLike[str] | NDArray[np.uint8],
    target: str | os.PathLike[str] | NDArray[np.uint8],
    output: str | os.PathLike[str] | None = None,
    *,
    engine: str = "auto",
    face: str | int = "largest",
    source_face: str | int = "largest",
    image_quality: int = 95,
    keep_metadata: bool = False,
    clobber: bool = True,
) -> SwapResult:
    """Put the face of ``source`` into ``target``.

    Args:
        source: picture of the person whose face is wanted: a file, or an array (H, W, 3) uint8 in BGR order, sRGB.
        target: picture that gets the face, of either kind.
        output: file for the result, in the format of its suffix; needs ``target`` to be a file. Without it the result
            comes back as ``SwapResult.image`` and nothing is written.
        engine: "auto" or the name of an engine. A named one fetches the weights it lacks; "auto" fetches nothing.
        face: which faces of the target: "largest", "left", "right" (as seen in the picture), "all", an index or
            several ("0,2"), counted from 0, left to right, as ``find_faces`` lists them.
        source_face: which face of the source, likewise, but one.
        image_quality: 1 to 100, for formats that lose.
        keep_metadata: keep the place a picture was taken at, and all else that is left out otherwise.
        clobber: whether ``output`` may replace a file.

    Raises:
        UsageError: an option cannot be.
        InputError: a file cannot be read, or an array is no picture.
        NoFaceError: the source or the target has no usable face.
        OutputError: the result cannot be written; nothing is left behind then.
        WeightsError: the weights of the engine named cannot be had.
        DeviceError: the environment variable ``FACEFUSION_DEVICE`` asks for a GPU that cannot be used.
    """
    options = SwapOptions(
        engine,
        parse_selection(str(face), name="face", several=True),
        parse_selection(str(source_face), name="source_face", several=False),
        image_quality,
        keep_metadata,
    )
    job = SwapJob(source if isinstance(source, np.ndarray) else Path(source), options)
    if output is None:
        result = job.swap(target if isinstance(target, np.ndarray) else Path(target))
    elif isinstance(target, np.ndarray):
        raise UsageError("an output file needs a target file.", hint="Save the result's image yourself.")
    else:
        inputs = [] if isinstance(source, np.ndarray) else [Path(source)]
        (planned,) = plan_outputs([Path(target)], os.fspath(output), clobber=clobber, inputs=inputs)
        result = job.run(planned)
    note = job.choose()
    return replace(result, notes=(note, *result.notes)) if note else result


def _read(given: Path | NDArray[np.uint8], name: str) -> tuple[Picture, str]:
    """The picture of a file or array, and what to call it in messages: ``name`` for an array."""
    if isinstance(given, Path):
        return read_picture(given), f'"{given}"'
    return picture_from_array(checked_array(given), Path(name)), name


@contextmanager
def _about(name: str) -> Iterator[None]:
    """Put the name of the picture before what an engine says, which sees pixels only."""
    try:
        yield
    except NoFaceError as error:
        raise type(error)(f"{name}: {error.message}", hint=error.hint) from error


def _named(picture: Picture) -> tuple[str, ...]:
    """The picture's notes, each with its file's name: a swap reads two."""
    return tuple(f'"{picture.path}": {note}' for note in picture.notes)
