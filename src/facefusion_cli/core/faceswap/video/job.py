"""A whole video: looked at, swapped piece by piece, joined, and put in its place."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.faces.tracking.looking import look
from facefusion_cli.core.faces.tracking.tracks import Tracks
from facefusion_cli.core.faceswap.result import SwapResult, VideoFacts
from facefusion_cli.core.faceswap.video.render import render
from facefusion_cli.core.faceswap.video.roles import Roles
from facefusion_cli.core.media.marking.finish import VideoMark
from facefusion_cli.core.media.outputs import AtomicOutput, check_output, make_folder
from facefusion_cli.core.media.segments import Work, kept, plan_segments
from facefusion_cli.core.media.video.encoder_check import check_encoder
from facefusion_cli.core.media.video.encoders import encoder_for
from facefusion_cli.core.media.video.join import check_container, join
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.projection import projected
from facefusion_cli.core.media.video.span import wanted_frames, work_place
from facefusion_cli.core.media.video.words import incomplete, plan_sentence
from facefusion_cli.errors import NoFaceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from facefusion_cli.core.faceswap.loaded import Loaded
    from facefusion_cli.core.faceswap.video.render import Rendered
    from facefusion_cli.core.media.outputs import Output
    from facefusion_cli.core.media.segments import Segment
    from facefusion_cli.core.media.video.encoders import EncodeOptions
    from facefusion_cli.core.media.video.options import VideoOptions
    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.projection import Projection
    from facefusion_cli.core.media.video.watcher import VideoWatcher

__all__ = ["swap_video"]

_STRICT = "Without --strict these are kept."


def swap_video(
    loaded: Loaded, output: Output, watcher: VideoWatcher, inputs: Sequence[Path], identity: Mapping[str, Any]
) -> SwapResult:
    """Write the video of ``output`` with new faces.

    ``inputs`` are further files that must not be written to. ``identity`` is what the result is made from: pieces that
    an earlier run has made from the same are taken over.

    Raises:
        ContentRefusedError: it is pornographic.
        InputError: it cannot be read or decoded, or with ``strict`` not all of it.
        NoFaceError: there is no usable face in any frame, or nobody meant.
        OutputError: the result cannot be written. Finished pieces stay in a hidden folder for the next run.
        UsageError: the stretch or the codec asked for cannot be.
        ProgramError: ffmpeg is missing.
    """
    options = loaded.options.video
    encode = dataclasses.replace(options.encode, codec=encoder_for(options.encode.codec, output.path.suffix).name)
    check_container(output.path, encode.codec)
    check_output(output, inputs)
    watcher.stage("probing", 0, 0)
    video = probe(output.target)
    start, stop = wanted_frames(video, options)
    # What the header speaks of and is not there would have been the end.
    promised = max(video.promised, stop) - start if stop == video.frames else stop - start
    if options.strict and promised > stop - start:
        raise incomplete(output.target, stop - start, promised, _STRICT)
    check_encoder(encode, video.width, video.height)
    segments = plan_segments(start, stop, video.fps)
    watcher.plan(plan_sentence(video, start, stop, len(segments)))
    make_folder(output)
    with (
        Work(work_place(output.path, options), identity, resume=options.resume) as work,
        kept(work, watcher.note),
    ):
        for note in work.notes:
            watcher.note(note)
        began = time.perf_counter()
        rendered, roles = _make(loaded, video, segments, encode, work, watcher)
        if not rendered.swapped:
            raise NoFaceError(
                f'the face that is meant is in no frame of "{output.target}".',
                hint="Choose another face, or another stretch of the video.",
            )
        decoded = stop - start - rendered.missing
        if options.strict and decoded < promised:
            raise incomplete(output.target, decoded, promised, _STRICT)
        spent = time.perf_counter() - began
        watcher.stage("joining", 0, 0)
        kept_metadata = loaded.options.keep_metadata
        mark = VideoMark(output.target, loaded.entry.mark if loaded.options.mark else None, keep_metadata=kept_metadata)
        with AtomicOutput(output, inputs) as file:
            notes = join(
                rendered.pieces,
                file.temporary,
                video,
                start=start,
                stop=start + rendered.frames,
                keep_metadata=kept_metadata,
                mark_tags=mark.tags,
            )
            notes = (*notes, *mark.write(file))
            size = file.temporary.stat().st_size
            path = file.commit()
        work.remove()
    whole = VideoFacts(
        rendered.frames,
        rendered.swapped,
        float(video.fps),
        decoded,
        promised,
        None if options.preview is None else _projection(video, options, rendered.frames, spent, size),
    )
    return SwapResult(
        source=None,
        target=output.target,
        output=path,
        engine=loaded.entry.name,
        faces=tuple(sorted(rendered.tracks)),
        found=roles.found,
        seconds=0.0,
        notes=tuple(dict.fromkeys((*loaded.notes, *video.notes, *rendered.notes, *notes))),
        common=loaded.notes,
        video=whole,
    )


def _make(
    loaded: Loaded,
    video: Video,
    segments: Sequence[Segment],
    encode: EncodeOptions,
    work: Work,
    watcher: VideoWatcher,
) -> tuple[Rendered, Roles]:
    recogniser = loaded.tools.recogniser if loaded.entry.recognises else None
    looked = look(video, segments, work, loaded.finder, recogniser, watcher)
    tracks = Tracks(looked.files, video.fps)
    roles = Roles(tracks, loaded.cast, loaded.options.face, f'"{video.path}"')
    return render(video, segments, encode, work, loaded, roles, looked, watcher), roles


def _projection(video: Video, options: VideoOptions, frames: int, seconds: float, size: int) -> Projection:
    start, stop = wanted_frames(video, dataclasses.replace(options, preview=None))
    return projected(frames, stop - start, video.fps, seconds, size)
