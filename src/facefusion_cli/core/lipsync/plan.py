"""What is seen when, and who speaks in it: settled before the first frame is made."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

from facefusion_cli.core.faces.tracking.looking import look, plan_stretches
from facefusion_cli.core.faces.tracking.tracks import Tracks
from facefusion_cli.core.lipsync.mel import BANDS, COLUMNS_A_SECOND
from facefusion_cli.core.lipsync.scene import Scene
from facefusion_cli.core.lipsync.speaker import Speaker
from facefusion_cli.core.lipsync.timeline import plan_timeline
from facefusion_cli.core.lipsync.untouched import add_stretch
from facefusion_cli.core.lipsync.words import lengths_sentence, plan_sentence
from facefusion_cli.core.media.room import check_room, encoded_bytes
from facefusion_cli.core.media.segments import plan_segments
from facefusion_cli.core.media.video.span import wanted_stretch
from facefusion_cli.core.media.video.words import clock, incomplete
from facefusion_cli.errors import NoFaceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from facefusion_cli.core.lipsync.loaded import Loaded
    from facefusion_cli.core.lipsync.timeline import Timeline
    from facefusion_cli.core.media.outputs import Output
    from facefusion_cli.core.media.segments import Segment, Work
    from facefusion_cli.core.media.video.encoders import EncodeOptions
    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.watcher import VideoWatcher

__all__ = ["RESULT", "Plan", "settle"]

RESULT = "the result"
"""What a stretch is of, for messages."""

_SEEN_BYTES = 3100
"""A frame and face."""
_MIX_BYTES = 48_000 * 2 * 3
"""A second of mixed sound, as a rule, and rather more than FLAC makes of it."""
_MOST_RANGES = 10
_STRICT = "Without --strict these are kept."


class Plan(NamedTuple):
    """What a result will show."""

    timeline: Timeline
    start: int
    """First frame of the timeline that is wanted."""
    stop: int
    chunks: Sequence[Segment]
    """Pieces of the result."""
    stretches: Sequence[Segment]
    """Pieces of the video, in which it was looked at."""
    scene: Scene
    faces: int
    """Tracks that were found."""
    decoded: int
    """Frames of the video."""
    promised: int


def settle(
    loaded: Loaded,
    output: Output,
    video: Video,
    sound: Fraction,
    encode: EncodeOptions,
    work: Work,
    watcher: VideoWatcher,
) -> Plan:
    """Plan the frames for so many seconds of sound, and look at the video.

    Raises:
        ContentRefusedError: the video is pornographic.
        InputError: the video cannot be decoded, or with ``strict`` not all of it.
        NoFaceError: nobody meant is in any frame, or with ``require_face`` not in all.
        OutputError: there is no room for the work, or it cannot be written.
        UsageError: the stretch asked for is not there.
    """
    options, name = loaded.options, f'"{output.target}"'
    timeline = plan_timeline(video.fps, video.frames, sound, options.fit, options.extend)
    start, stop = wanted_stretch(timeline.frames, video.fps, options.video, RESULT)
    low, high = timeline.needed(start, stop)
    assert output.sound is not None
    chunks = plan_segments(start, stop, video.fps, options.chunk_seconds)
    watcher.plan(plan_sentence(output.target, output.sound, video, timeline, stop - start, len(chunks)))
    if sentence := lengths_sentence(video, sound, timeline, options):
        watcher.note(sentence)
    _check_room(work, video, stop - start, high - low, sound, encode, mixed=bool(options.mix_original))
    stretches = plan_stretches(low, high, video.fps)
    looked = look(video, stretches, work, loaded.finder, loaded.recogniser, watcher, name)
    # What the header speaks of and is not there would have been the end.
    promised = high - low + (max(0, video.promised - video.frames) if high == video.frames else 0)
    decoded = high - low - looked.missing
    if options.video.strict and decoded < promised:
        raise incomplete(output.target, decoded, promised, _STRICT)
    there = [stretch.start + count for stretch, count in zip(stretches, looked.counts, strict=True) if count]
    if there[-1] < high:
        # What cannot be decoded at the end is no part of the video. The stretch begins where it did: what comes before
        # has not been looked at.
        timeline = plan_timeline(video.fps, there[-1], sound, options.fit, options.extend)
        stop = min(stop, timeline.frames)
        if timeline.needed(start, stop)[0] < low:
            timeline = dataclasses.replace(timeline, extend="freeze")
    tracks = Tracks(looked.files, video.fps)
    looked_at = f"{clock(low / video.fps)} to {clock(high / video.fps)}"
    speaker = Speaker(tracks, options.face, loaded.likeness, name, looked_at)
    scene = Scene(speaker, stretches, looked.counts)
    if options.require_face:
        _require(scene, timeline, start, stop, name)
    chunks = plan_segments(start, stop, video.fps, options.chunk_seconds)
    return Plan(timeline, start, stop, chunks, stretches, scene, speaker.found, decoded, promised)


def _check_room(
    work: Work, video: Video, frames: int, seen: int, sound: Fraction, encode: EncodeOptions, *, mixed: bool
) -> None:
    """For what was heard and seen and the pieces, as far as they are not there yet, and for the result."""
    seconds = float(frames / video.fps)
    encoded = encoded_bytes(video.width * video.height, frames, seconds, encode)
    there = sum(path.stat().st_size for path in map(work.piece, work.finished) if path is not None)
    pieces = encoded + seen * _SEEN_BYTES + round(sound * COLUMNS_A_SECOND) * BANDS * 4
    mix = round(seconds * _MIX_BYTES) if mixed else 0
    check_room(work.folder, encoded + max(0, pieces - there) + mix, "the video and what it is made from")


def _require(scene: Scene, timeline: Timeline, start: int, stop: int, name: str) -> None:
    """Raise NoFaceError if the speaker is not in every frame."""
    without: list[tuple[int, int, str]] = []
    for frame, spoken in enumerate(scene.faces(list(timeline.runs(start, stop)))):
        if spoken.face is None:
            add_stretch(without, frame, frame + 1, "")
    if without:
        ranges = [f"{clock(first / timeline.fps)} to {clock(last / timeline.fps)}" for first, last, _ in without]
        more = f" and {len(ranges) - _MOST_RANGES} more times" if len(ranges) > _MOST_RANGES else ""
        raise NoFaceError(
            f"the face that is to speak is not in every frame of {name}: in the result it would be missing from"
            f" {', '.join(ranges[:_MOST_RANGES])}{more}.",
            hint="Without --require-face these stretches are left as they are.",
        )
