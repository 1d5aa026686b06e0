"""One run: the engine loaded once, any number of videos."""

from __future__ import annotations

import dataclasses
import os
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.device import gpu_asked
from facefusion_cli.core.faces.finder import shared_analyser
from facefusion_cli.core.faces.selection import LARGEST, parse_selection, select_faces
from facefusion_cli.core.faces.tools import Tools
from facefusion_cli.core.lipsync.checks import check_options
from facefusion_cli.core.lipsync.engine import ENGINES, SyncSettings, candidate, choose_engine
from facefusion_cli.core.lipsync.loaded import Loaded
from facefusion_cli.core.lipsync.options import LipSyncOptions
from facefusion_cli.core.lipsync.provenance import made_from, pieces_made_from
from facefusion_cli.core.lipsync.video import sync_video
from facefusion_cli.core.media.fingerprint import fingerprint
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.naming import Target
from facefusion_cli.core.media.outputs import plan_outputs
from facefusion_cli.core.media.video.options import VideoOptions
from facefusion_cli.core.media.video.watcher import SILENT
from facefusion_cli.core.memory import limit_heaps
from facefusion_cli.core.weights.needs import ENGINE_WEIGHTS
from facefusion_cli.core.weights.provision import Provision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.lipsync.engine import EngineEntry
    from facefusion_cli.core.lipsync.options import Extend, Fit
    from facefusion_cli.core.lipsync.result import LipSyncResult
    from facefusion_cli.core.media.outputs import Output
    from facefusion_cli.core.media.video.watcher import VideoWatcher

__all__ = ["LipSyncJob", "sync_lips"]


class LipSyncJob:
    """Makes one video after another speak.

    Making one is cheap. ``read`` reads the picture of the person meant, ``choose`` decides on the engine, ``prepare``
    loads it; the first ``run`` does what has not been done. After ``prepare``, ``run`` may be called from several
    threads.

    Raises:
        UsageError: an option cannot be, or options exclude each other.
    """

    def __init__(
        self,
        options: LipSyncOptions | None = None,
        provision: Provision | None = None,
        *,
        tools: Tools | None = None,
    ) -> None:
        """``tools``: what other jobs have loaded already, for whoever runs many: device, precision, threads and
        provision are those of it.
        """
        self.options = options or LipSyncOptions()
        self._given_tools = tools
        self._provision = tools.provision if tools else provision or Provision()
        check_options(self.options)
        self._gpu_asked = tools is None and gpu_asked(self.options.device)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Files that are read for every video."""
        return tuple(path for path in (self.options.reference, self.options.soundtrack) if path is not None)

    def read(self) -> None:
        """Read the picture of the person meant now, if there is one.

        Raises:
            InputError: it cannot be read.
        """
        _ = self._portrait

    def choose(self) -> str:
        """Decide on the engine, once, with its weights in place; what the user should know of it, or "".

        Raises:
            DeviceError: a GPU was asked for that cannot be used.
            WeightsError: the engine was named and its weights cannot be had.
        """
        return self._choice[1]

    def prepare(self) -> tuple[str, ...]:
        """Load everything now; returns what the user should know of the engine.

        Raises:
            NoFaceError: the picture of the person meant shows no usable face.
            WeightsMissingError: it needs the recognition network, whose weights are not stored.
            InputError, DeviceError, WeightsError: see ``read`` and ``choose``.
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
            ProgramError: there is no ffmpeg.
        """
        return self._made_from(output, self._choice[0])

    def would_be_made_from(self, output: Output) -> dict[str, Any]:
        """As ``made_from``, without fetching weights or asking anybody.

        Raises:
            InputError, ProgramError: see there.
        """
        entry = candidate(self.options.engine)
        if self.options.engine == "auto":
            entry = next(each for each in ENGINES if self._provision.ready(each.name))
        return self._made_from(output, entry)

    def run(self, output: Output, watcher: VideoWatcher = SILENT) -> LipSyncResult:
        """Write the video or still of ``output`` speaking ``output.sound`` to the path of ``output``.

        Raises:
            ContentRefusedError: it is pornographic.
            InputError: a file cannot be read.
            NoFaceError: the face meant is not there.
            OutputError: the result cannot be written; nothing is left behind then but the pieces that the same run can
                go on with.
            UsageError: the stretch asked for is not there.
        """
        assert output.sound is not None
        for path in (output.target, output.sound):
            _ = fingerprint(path)  # there, before anything is loaded
        identity = pieces_made_from(self.made_from(output))
        return sync_video(self._loaded, output, watcher, self.inputs, identity)

    def _made_from(self, output: Output, entry: EngineEntry) -> dict[str, Any]:
        assert output.sound is not None
        device = self._tools.device if entry.name in ENGINE_WEIGHTS else None
        return made_from(output.target, output.sound, self.options, entry.name, device)

    @cached_property
    def _tools(self) -> Tools:
        options = self.options
        return self._given_tools or Tools(self._provision, options.device, options.precision, options.threads)

    @cached_property
    def _choice(self) -> tuple[EngineEntry, str]:
        if self._gpu_asked:
            _ = self._tools.device  # first, since weights take long to fetch
        entry, note = choose_engine(self.options.engine, self._provision)
        if self._gpu_asked and entry.name not in ENGINE_WEIGHTS:
            device = self._tools.device
            note = f"{note} The {entry.name} engine always runs on the processor, not on {device.name}.".strip()
        if self.options.pads != LipSyncOptions().pads and entry.name not in ENGINE_WEIGHTS:
            note = f"{note} The {entry.name} engine needs no room around the face: --pads has no effect.".strip()
        return entry, note

    @cached_property
    def _portrait(self) -> NDArray[np.uint8] | None:
        limit_heaps()  # before any grows
        return None if self.options.reference is None else read_picture(self.options.reference).bgr

    @cached_property
    def _loaded(self) -> Loaded:
        entry, options, finder = self._choice[0], self.options, shared_analyser()
        likeness, recogniser = None, None
        notes: tuple[str, ...] = ()
        if self._portrait is not None:
            name = f'"{options.reference}"'
            recogniser = self._tools.recogniser
            faces = finder.find(self._portrait)
            ((_, face),) = select_faces(faces, LARGEST, name=name)
            likeness = recogniser.embed(self._portrait, [face])[0].embedding
            if len(faces) > 1:
                notes = (f"{name} has {len(faces)} faces: the largest was taken. Cut it to the person meant.",)
        engine = entry.create(SyncSettings(options.pads, options.close_mouth), self._tools)
        device = self._tools.device.name if entry.name in ENGINE_WEIGHTS else "cpu"
        return Loaded(engine, device, finder, recogniser, likeness, options, notes)


def sync_lips(
    video: str | os.PathLike[str],
    audio: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    engine: str = "auto",
    face: str | int = "largest",
    reference: str | os.PathLike[str] | None = None,
    soundtrack: str | os.PathLike[str] | None = None,
    mix_original: float = 0.0,
    fit: Fit = "audio",
    extend: Extend = "pingpong",
    fps: Fraction | float = 25,
    sync_offset: int = 0,
    mouth_strength: float = 1.0,
    close_mouth: bool = True,
    require_face: bool = False,
    start: Fraction | float | None = None,
    duration: Fraction | float | None = None,
    device: str | None = None,
    keep_metadata: bool = False,
    mark: bool = True,
    clobber: bool = True,
    watcher: VideoWatcher = SILENT,
) -> LipSyncResult:
    """Make the face in ``video`` speak ``audio``.

    Args:
        video: file of a video, or of a still picture.
        audio: file with the voice; of a video its first audio track.
        output: file for the result, a video in the format of its suffix.
        engine: "auto" or the name of an engine. A named one fetches the weights it lacks; "auto" fetches nothing.
        face: whose lips move: "largest", "left", "right" (as seen in the picture) or an index from 0, left to right,
            in the first frame of a scene that has a face; then followed.
        reference: a picture of the person whose lips move, instead; needs the weights of recognition.
        soundtrack: what is heard instead of ``audio``, which still moves the lips: a mix with music.
        mix_original: how loud the video's own sound stays under the new one, 0 to 4.
        fit: whose length the result has: "audio", "video", "longest" or "shortest".
        extend: what is seen where there is more sound than pictures: "pingpong", "loop" or "freeze".
        fps: frames a second of a still picture.
        sync_offset: milliseconds by which the lips move later than the sound.
        mouth_strength: how far the mouth moves, 0 to 2.
        close_mouth: whether the mouth is closed while nobody speaks; else "mouth" leaves it as it is then, and Wav2Lip
            has its own way.
        require_face: whether a frame without the face is an error.
        start: seconds of the whole result at which the part to be made begins.
        duration: seconds that it lasts at most.
        device: "auto", "cpu", "cuda" or "cuda:N"; by default what ``FACEFUSION_DEVICE`` says, else "auto".
        keep_metadata: keep the place the video was taken at, and all else that is left out otherwise.
        mark: whether the file says that it is synthetic, as the law of many countries wants it.
        clobber: whether ``output`` may replace a file.
        watcher: is told how far the work is; what it raises ends it.

    Raises:
        UsageError: an option cannot be.
        ContentRefusedError: the video is pornographic.
        InputError: a file cannot be read.
        NoFaceError: the face meant is not in the video, or with ``require_face`` not in every frame.
        OutputError: the result cannot be written.
        WeightsError: the weights of the engine named cannot be had.
        DeviceError: a GPU was asked for that cannot be used.
    """
    options = LipSyncOptions(
        engine,
        parse_selection(str(face), name="face", several=False),
        None if reference is None else Path(reference),
        None if soundtrack is None else Path(soundtrack),
        mix_original,
        fit,
        extend,
        _exactly(fps),
        sync_offset,
        mouth_strength,
        close_mouth,
        require_face=require_face,
        keep_metadata=keep_metadata,
        mark=mark,
        device=device,
        video=VideoOptions(
            start=None if start is None else _exactly(start),
            duration=None if duration is None else _exactly(duration),
        ),
    )
    job = LipSyncJob(options)
    inputs = [*job.inputs, Path(audio)]
    target = Target(Path(video), "video", sound=Path(audio))
    (planned,) = plan_outputs([target], os.fspath(output), clobber=clobber, inputs=inputs)
    job.read()
    result = job.run(planned, watcher)
    notes = (*filter(None, [job.choose()]), *job.prepare(), *result.notes)
    return dataclasses.replace(result, notes=tuple(dict.fromkeys(notes)))


def _exactly(number: Fraction | float) -> Fraction:
    """A number as its digits say: 29.97 is no binary fraction."""
    return number if isinstance(number, Fraction) else Fraction(str(number))
