"""One run: persons read once, any number of targets."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facefusion_cli.core.device import check_wishes, gpu_asked
from facefusion_cli.core.faces.finder import shared_analyser
from facefusion_cli.core.faces.selection import parse_selection
from facefusion_cli.core.faces.tools import Tools
from facefusion_cli.core.faceswap.engine import ENGINES, candidate, choose_engine
from facefusion_cli.core.faceswap.loaded import Loaded, Portraits, load
from facefusion_cli.core.faceswap.options import SwapOptions
from facefusion_cli.core.faceswap.picture import swap_picture
from facefusion_cli.core.faceswap.portraits import read_given
from facefusion_cli.core.faceswap.provenance import made_from, pieces_made_from
from facefusion_cli.core.media.encode import check_quality, write_picture
from facefusion_cli.core.media.fingerprint import fingerprint
from facefusion_cli.core.media.marking.finish import sign
from facefusion_cli.core.media.marking.mark import statement
from facefusion_cli.core.media.outputs import AtomicOutput, check_output, plan_outputs
from facefusion_cli.core.media.video.watcher import SILENT
from facefusion_cli.core.memory import limit_heaps
from facefusion_cli.core.weights.needs import ENGINE_WEIGHTS
from facefusion_cli.core.weights.provision import Provision
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.faceswap.engine import EngineEntry
    from facefusion_cli.core.faceswap.result import SwapResult
    from facefusion_cli.core.media.outputs import Output
    from facefusion_cli.core.media.video.watcher import VideoWatcher

__all__ = ["SwapJob", "swap_faces"]


class SwapJob:
    """Reads the persons once and puts their faces into one target after another.

    Making one is cheap. ``read`` reads the pictures of persons, ``choose`` decides on the engine, ``prepare`` loads it
    and looks at the persons; the first ``run`` or ``swap`` does what has not been done. After ``prepare``, ``run`` may
    be called from several threads.

    Raises:
        UsageError: an option cannot be, or options exclude each other.
    """

    def __init__(
        self,
        source: Path | NDArray[np.uint8] | None,
        options: SwapOptions | None = None,
        provision: Provision | None = None,
        *,
        tools: Tools | None = None,
    ) -> None:
        """``source``: None where ``options.people.pairs`` say whose faces are wanted.

        ``tools``: what other jobs have loaded already, for whoever runs many: device, precision, threads and provision
        are those of it.
        """
        self.options = options or SwapOptions()
        self._given = source
        self._path = source if isinstance(source, Path) else None
        self._given_tools = tools
        self._provision = tools.provision if tools else provision or Provision()
        candidate(self.options.engine)
        check_quality(self.options.image_quality)
        _check(source is not None, self.options)
        check_wishes(self.options.precision, self.options.threads)
        self._gpu_asked = tools is None and gpu_asked(self.options.device)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files with pictures of persons."""
        people = self.options.people
        pairs = (path for pair in people.pairs for path in pair)
        given = (self._path, *people.extra_sources, people.reference, *pairs)
        return tuple(path for path in given if path is not None)

    def read(self) -> None:
        """Read the pictures of persons now.

        Raises:
            InputError: one cannot be read.
        """
        _ = self._portraits

    def choose(self) -> str:
        """Decide on the engine, once, with its weights in place; what the user should know of it, or "".

        Raises:
            NoFaceError: weights would have to be fetched, and the embedded detector sees no face in a source.
            DeviceError: a GPU was asked for that cannot be used.
            WeightsError: the engine was named and its weights cannot be had.
            UsageError: it cannot do what was asked for.
        """
        return self._choice[1]

    def prepare(self) -> tuple[str, ...]:
        """Load everything and look at the persons now; returns what the user should know of the engine.

        Raises:
            NoFaceError: a picture of a person shows no usable face.
            InputError, DeviceError, WeightsError, UsageError: see ``read`` and ``choose``.
        """
        return self._loaded.engine.notes

    @property
    def details(self) -> tuple[str, ...]:
        """Sentences for those who want to know more of what runs."""
        _ = self._loaded
        return self._tools.details

    def made_from(self, output: Output) -> dict[str, Any]:
        """What a result is made from: equal data, equal result.

        Raises:
            InputError: a file cannot be read.
            ProgramError: it is a video, and there is no ffmpeg.
        """
        return self._made_from(output, self._choice[0])

    def _made_from(self, output: Output, entry: EngineEntry) -> dict[str, Any]:
        device = self._tools.device if entry.name in ENGINE_WEIGHTS else None
        return made_from(output.target, output.kind, self._given, self.options, entry.name, device)

    def would_be_made_from(self, output: Output) -> dict[str, Any]:
        """As ``made_from``, without fetching weights or asking anybody.

        Raises:
            InputError, ProgramError: see there.
        """
        entry = candidate(self.options.engine)
        if self.options.engine == "auto" and not self.options.people.asked:
            entry = next(each for each in ENGINES if self._provision.ready(each.name))
        return self._made_from(output, entry)

    def run(self, output: Output, watcher: VideoWatcher = SILENT) -> SwapResult:
        """Write the target of ``output`` with new faces to the path of ``output``: a picture, or a video by its suffix.

        Raises:
            ContentRefusedError: the target is pornographic.
            InputError: a file cannot be read.
            NoFaceError: the source or the target has no usable face.
            OutputError: the result cannot be written; nothing is left behind then, but of a video the pieces that the
                same run can go on with.
        """
        started = time.perf_counter()
        if output.kind == "video":
            from facefusion_cli.core.faceswap.video.job import swap_video

            _ = fingerprint(output.target)  # there, before anything is loaded
            result = swap_video(self._loaded, output, watcher, self.inputs, pieces_made_from(self.made_from(output)))
        else:
            result = self._write_picture(output, watcher)
        return replace(result, source=self._path, seconds=time.perf_counter() - started)

    def swap(self, target: Path | NDArray[np.uint8]) -> SwapResult:
        """The target, a picture, with new faces, as an array.

        Raises:
            ContentRefusedError: the target is pornographic.
            InputError: a file cannot be read.
            NoFaceError: the source or the target has no usable face.
        """
        started = time.perf_counter()
        picture, name = read_given(target, "the target picture")
        swapped, result = swap_picture(self._loaded, picture, name)
        path = target if isinstance(target, Path) else None
        seconds = time.perf_counter() - started
        return replace(result, source=self._path, target=path, image=swapped.bgr, seconds=seconds)

    def _write_picture(self, output: Output, watcher: VideoWatcher) -> SwapResult:
        check_output(output, self.inputs)
        # Read before anything is loaded, let alone fetched.
        picture, name = read_given(output.target, "")
        swapped, result = swap_picture(self._loaded, picture, name)
        watcher.check()
        mark = self._choice[0].mark if self.options.mark else None
        with AtomicOutput(output, self.inputs) as file:
            written = write_picture(
                swapped,
                file.temporary,
                quality=self.options.image_quality,
                keep_metadata=self.options.keep_metadata,
                mark=mark,
            )
            said = statement(mark, picture.metadata.said)
            signed = sign(file, output.target, said, wanted=mark is not None)
            path = file.commit()
        notes = tuple(dict.fromkeys((*result.notes, *written, *signed)))
        return replace(result, target=output.target, output=path, notes=notes)

    @cached_property
    def _tools(self) -> Tools:
        options = self.options
        return self._given_tools or Tools(self._provision, options.device, options.precision, options.threads)

    @cached_property
    def _choice(self) -> tuple[EngineEntry, str]:
        portraits = self._portraits
        if self._gpu_asked:
            _ = self._tools.device  # first, since weights take long to fetch
        if not self._provision.ready(candidate(self.options.engine).name):
            # For a picture without a face nothing large shall be fetched.
            portraits.refuse_faceless(shared_analyser())
        entry, note = choose_engine(self.options.engine, self._provision, recognising=self.options.people.asked)
        if self._gpu_asked and entry.name not in ENGINE_WEIGHTS:
            device = self._tools.device
            note = f"{note} The {entry.name} engine always runs on the processor, not on {device.name}.".strip()
        return entry, note

    @cached_property
    def _portraits(self) -> Portraits:
        limit_heaps()  # before any grows
        return Portraits.read(self._given, self.options)

    @cached_property
    def _loaded(self) -> Loaded:
        return load(self._choice[0], self._tools, self._portraits, self.options)


def _check(source: bool, options: SwapOptions) -> None:
    people = options.people
    if people.pairs and (source or people.extra_sources or people.reference is not None):
        raise UsageError("where persons are mapped to faces there is no other source and no reference picture.")
    if not people.pairs and not source:
        raise UsageError("a source picture is needed.")
    if people.pairs and options.source_face.rule != "largest":
        raise UsageError(
            "where persons are mapped to faces, the source face cannot be chosen.",
            hint="Cut each picture to the person meant.",
        )
    if not 0 <= options.settings.strength <= 1:
        raise UsageError(f"a strength of {options.settings.strength:g} cannot be.", hint="It goes from 0 to 1.")


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
    mark: bool = True,
    clobber: bool = True,
) -> SwapResult:
    """Put the face of ``source`` into ``target``.

    Args:
        source: picture of the person whose face is wanted: a file, or an array (H, W, 3) uint8 in BGR order, sRGB.
        target: picture that gets the face, of either kind, or the file of a video.
        output: file for the result, in the format of its suffix; needs ``target`` to be a file. Without it the result
            comes back as ``SwapResult.image`` and nothing is written. A video needs one.
        engine: "auto" or the name of an engine. A named one fetches the weights it lacks; "auto" fetches nothing.
        face: which faces of the target: "largest", "left", "right" (as seen in the picture), "all", an index or
            several ("0,2"), counted from 0, left to right, as ``find_faces`` lists them.
        source_face: which face of the source, likewise, but one.
        image_quality: 1 to 100, for formats that lose.
        keep_metadata: keep the place a picture was taken at, and all else that is left out otherwise.
        mark: whether the file says that it is synthetic, as the law of many countries wants it; an array cannot.
        clobber: whether ``output`` may replace a file.

    Raises:
        UsageError: an option cannot be.
        ContentRefusedError: the target is pornographic.
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
        mark,
    )
    job = SwapJob(source if isinstance(source, np.ndarray) else Path(source), options)
    if output is None:
        result = job.swap(target if isinstance(target, np.ndarray) else Path(target))
    elif isinstance(target, np.ndarray):
        raise UsageError("an output file needs a target file.", hint="Save the result's image yourself.")
    else:
        (planned,) = plan_outputs([Path(target)], os.fspath(output), clobber=clobber, inputs=job.inputs)
        result = job.run(planned)
    notes = (*filter(None, [job.choose()]), *job.prepare(), *result.notes)
    return replace(result, notes=tuple(dict.fromkeys(notes)))
