"""One video and one soundtrack: heard, looked at, spoken piece by piece, joined, and put in its place."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.lipsync.clockwork import Clockwork
from facefusion_cli.core.lipsync.engine import candidate
from facefusion_cli.core.lipsync.listening import Heard, listen
from facefusion_cli.core.lipsync.options import LipSyncOptions
from facefusion_cli.core.lipsync.plan import RESULT, settle
from facefusion_cli.core.lipsync.render import Take, render
from facefusion_cli.core.lipsync.result import LipSyncResult, Untouched
from facefusion_cli.core.lipsync.speech import Voice
from facefusion_cli.core.lipsync.still import STILL, video_of_still
from facefusion_cli.core.media.audio.probe import probe_sound
from facefusion_cli.core.media.kinds import kind_of
from facefusion_cli.core.media.marking.finish import VideoMark
from facefusion_cli.core.media.outputs import AtomicOutput, check_output, make_folder
from facefusion_cli.core.media.segments import Work, kept
from facefusion_cli.core.media.video.encoder_check import check_encoder
from facefusion_cli.core.media.video.encoders import encoder_for
from facefusion_cli.core.media.video.join import check_container, join
from facefusion_cli.core.media.video.mixing import mix
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.projection import projected
from facefusion_cli.core.media.video.soundtrack import Soundtrack
from facefusion_cli.core.media.video.span import wanted_stretch, work_place
from facefusion_cli.core.memory import peak_memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction
    from pathlib import Path

    from facefusion_cli.core.lipsync.loaded import Loaded
    from facefusion_cli.core.lipsync.render import Rendered
    from facefusion_cli.core.lipsync.timeline import Timeline
    from facefusion_cli.core.media.outputs import Output
    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.projection import Projection
    from facefusion_cli.core.media.video.watcher import Stage, VideoWatcher

__all__ = ["sync_video"]

_MEL = "sound.mel"
_IN_PARTS: tuple[Stage, ...] = ("looking", "speaking", "joining")
"""Stages that take the longer the more of a video is made."""
_USUAL_FPS = LipSyncOptions().fps
_OWN_RATE = "it is a video, which keeps its own rate: --fps is for still pictures."


def sync_video(
    loaded: Loaded, output: Output, watcher: VideoWatcher, inputs: Sequence[Path], identity: Mapping[str, Any]
) -> LipSyncResult:
    """Write the video (or still) of ``output`` speaking ``output.sound``.

    ``inputs`` are further files that must not be written to. ``identity`` is what the pieces are made from: those that
    an earlier run has made from the same are taken over.

    Raises:
        ContentRefusedError: it is pornographic.
        InputError: video or sound cannot be read or decoded, or with ``strict`` not all of it.
        NoFaceError: nobody meant is in any frame, or with ``require_face`` not in all.
        OutputError: the result cannot be written. Finished pieces stay in a hidden folder for the next run.
        UsageError: the stretch or the codec asked for cannot be.
        ProgramError: ffmpeg is missing.
    """
    assert output.sound is not None
    began = time.perf_counter()
    options = loaded.options
    encode = options.video.encode
    encode = dataclasses.replace(encode, codec=encoder_for(encode.codec, output.path.suffix).name)
    check_container(output.path, encode.codec)
    inputs = [*inputs, output.sound]
    check_output(output, inputs)
    watcher = Clockwork(watcher)
    watcher.stage("probing", 0, 0)
    make_folder(output)
    with (
        Work(work_place(output.path, options.video), identity, resume=options.video.resume) as work,
        kept(work, watcher.note, slight={STILL, _MEL}),
    ):
        for note in work.notes:
            watcher.note(note)
        video, notes = _opened(output.target, options.fps, work)
        check_encoder(encode, video.width, video.height)
        if options.soundtrack is not None:
            Soundtrack(options.soundtrack).check()  # now, and not when all frames are made
        heard = _listened(output.sound, work, watcher)
        mel = work.piece(_MEL)
        assert mel is not None
        with Voice(mel, video.fps, offset_ms=options.sync_offset, strength=options.mouth_strength) as voice:
            plan = settle(loaded, output, video, heard.duration, encode, work, watcher)
            take = Take(video, plan.stretches, plan.timeline, plan.scene, voice, loaded.engine, encode)
            rendered = render(take, plan.chunks, work, watcher)
        watcher.stage("joining", 0, 0)
        sound = Soundtrack(options.soundtrack or output.sound, plan.start / video.fps)
        if options.mix_original:
            sound, mixing = mix(
                sound,
                video,
                options.mix_original,
                plan.start / video.fps,
                rendered.frames / video.fps,
                work.temporary("mix.mka"),
            )
            notes = (*notes, *mixing)
        made_by = candidate(loaded.engine.name).mark if options.mark else None
        mark = VideoMark(output.target, made_by, keep_metadata=options.keep_metadata)
        with AtomicOutput(output, inputs) as file:
            joining = join(
                rendered.pieces,
                file.temporary,
                video,
                start=plan.start,
                stop=plan.stop,
                keep_metadata=options.keep_metadata,
                sound=sound,
                mark_tags=mark.tags,
            )
            joining = (*joining, *mark.write(file))
            size = file.temporary.stat().st_size
            path = file.commit()
        work.remove()
    spent = watcher.spent
    return LipSyncResult(
        target=output.target,
        audio=output.sound,
        output=path,
        engine=loaded.engine.name,
        device=loaded.device,
        frames=rendered.frames,
        spoken=rendered.spoken,
        fps=float(video.fps),
        length=float(rendered.frames / video.fps),
        faces=plan.faces,
        decoded=plan.decoded,
        promised=plan.promised,
        untouched=_in_seconds(rendered, plan.start, video.fps),
        stages=spent,
        peak_memory=peak_memory(),
        seconds=time.perf_counter() - began,
        notes=tuple(dict.fromkeys((*loaded.notes, *notes, *video.notes, *heard.notes, *rendered.notes, *joining))),
        projection=_projection(plan.timeline, options, rendered.frames, sum(spent[one] for one in _IN_PARTS), size),
    )


def _opened(target: Path, fps: Fraction, work: Work) -> tuple[Video, tuple[str, ...]]:
    if kind_of(target) == "picture":
        return video_of_still(target, fps, work)
    return probe(target), () if fps == _USUAL_FPS else (_OWN_RATE,)


def _listened(sound: Path, work: Work, watcher: VideoWatcher) -> Heard:
    """Hear the sound, unless an earlier run has."""
    watcher.stage("listening", 0, round(probe_sound(sound).promised or 0))
    if work.piece(_MEL) is None:
        heard = listen(sound, work.temporary(_MEL), lambda seconds: watcher.progress(seconds, 0))
        work.finish(_MEL, {"samples": heard.samples, "notes": heard.notes})
        return heard
    facts = work.facts(_MEL)
    return Heard(facts["samples"], tuple(facts["notes"]))


def _in_seconds(rendered: Rendered, start: int, fps: Fraction) -> tuple[Untouched, ...]:
    return tuple(
        Untouched(float((first - start) / fps), float((last - start) / fps), reason)
        for first, last, reason in rendered.untouched
    )


def _projection(
    timeline: Timeline, options: LipSyncOptions, frames: int, seconds: float, size: int
) -> Projection | None:
    if options.video.preview is None:
        return None
    whole = dataclasses.replace(options.video, preview=None)
    start, stop = wanted_stretch(timeline.frames, timeline.fps, whole, RESULT)
    return projected(frames, stop - start, timeline.fps, seconds, size)
