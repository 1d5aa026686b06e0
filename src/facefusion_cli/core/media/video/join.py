"""Pieces of video and the original's sound into one file."""

from __future__ import annotations

import math
import tempfile
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.media.disk_errors import output_error
from facefusion_cli.core.media.video.companions import Companions
from facefusion_cli.core.media.video.containers import check_container, container_of
from facefusion_cli.core.media.video.ffmpeg import file_argument, input_arguments
from facefusion_cli.core.media.video.packets import read_packets
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.core.media.video.sounds import first_heard, read_sounds
from facefusion_cli.core.media.video.soundtrack import Soundtrack, original_stretch
from facefusion_cli.core.media.video.tags import format_tags
from facefusion_cli.core.media.video.unwritten import unwritten
from facefusion_cli.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from facefusion_cli.core.media.video.companions import Heard
    from facefusion_cli.core.media.video.containers import Container
    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.sounds import Sound
    from facefusion_cli.core.media.video.soundtrack import Stretch

__all__ = ["Soundtrack", "check_container", "join"]

_SAME_RATE = Fraction(1, 10_000)
_PRIMING = Fraction(1, 10)
"""Seconds; what sound precedes the pictures by less is what its decoder needs to begin, and not heard."""
_LATE = Fraction(1, 4)
"""Seconds; sound that begins later than it should by more than a decoder or a packet may take has lost something."""


def join(
    segments: Sequence[Path],
    output: Path,
    original: Video,
    *,
    start: int = 0,
    stop: int | None = None,
    keep_metadata: bool = False,
    sound: Soundtrack | None = None,
    mark_tags: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Write ``segments`` one after the other, not encoded again, with what belongs to frames ``start`` to ``stop`` of
    ``original``: audio, subtitles, chapters, metadata. Returns sentences for the user (what could not be kept).

    The segments lie in one folder, under names without spaces or quotes. They are shown at the rate of ``original``,
    and sound keeps its place beside them; where it begins well before the first frame of the whole video, that one
    waits for it. ``keep_metadata`` also carries tags that tell places, names and serial numbers, cover pictures, and
    tracks of data (MP4, MOV) or attached files (Matroska, where fonts are kept in any case).

    ``sound`` is heard instead of the original's audio, from its own start on, as long as there are frames, of which
    there may then be more than ``original`` has. What players of the container expect is copied; it may end earlier.
    All else, and what is not compressed, is as long as the pictures to the sample, with silence where there is none.

    ``mark_tags`` say how the result was made, for Matroska and WebM, instead of what ``original`` says of that.

    Raises:
        OutputError: ffmpeg fails or cannot write, or the result has not the frames of the segments, or lacks sound.
        InputError: ``sound`` holds none, or ffmpeg was stopped while it read.
        UsageError: the suffix of ``output`` names no container that can be written.
    """
    container = container_of(output)
    counts = [_count(segment) for segment in segments]
    frames, fps = sum(counts), original.fps
    companions = Companions(container, original, keep_metadata)
    companions.read_tags()
    companions.mark(mark_tags or {})
    if sound is None:
        tracks = _own_sounds(original)
        lead = _lead(original, tracks) if start == 0 else 0
        whole = start == 0 and (stop is None or stop >= original.frames)
        end = None if whole else (lead + frames) / fps
        kept = heard = original_stretch(original, (start - lead) / fps, end)
        companions.add_sounds(tracks, kept.begin, end)
    else:
        lead, end = 0, frames / fps
        kept, heard = original_stretch(original, start / fps, end), sound.stretch(end)
        if (found := _other_sound(sound, heard)) is None:
            companions.notes.append(f'"{sound.path.name}" has no sound in this part: nothing is heard.')
        else:
            companions.add_soundtrack("3:a:0", *found, end, copy=not sound.interim)
    companions.add_subtitles(end)
    try:
        # In the folder of pieces, which is cleared whatever becomes of this run.
        with tempfile.TemporaryDirectory(prefix="unfinished-", dir=segments[0].parent) as name:
            companions.add_rest(Path(name))
            tags = Path(name, "tags")
            tags.write_text(format_tags(companions.sections), encoding="utf-8", newline="\n")
            arguments = [
                *("-loglevel", "error", "-progress", "pipe:1", "-copyts", "-max_error_rate", "1"),
                *("-f", "concat", "-safe", "0", "-protocol_whitelist", "file,pipe", "-i", "pipe:0"),
                *kept.arguments,
                *("-f", "ffmetadata", "-protocol_whitelist", "file", "-i", file_argument(tags)),
                *(heard.arguments if sound is not None else ()),
                *("-map", "0:v:0", *companions.maps),
                *("-c", "copy", "-copypriorss", "1", *companions.options, *companions.metadata),
                *("-bsf:v:0", _on_time(fps, lead), "-disposition:v:0", "default"),
                *(() if end is None else ("-t", f"{float(end):.6f}")),
                *("-max_interleave_delta", "0", "-avoid_negative_ts", "disabled"),
                # Without stamps a rate has to be said, or the clock's is taken for it.
                *(() if container.stamped else ("-r", f"{fps.numerator}/{fps.denominator}")),
                *("-f", container.muxer, "-y", file_argument(output)),
            ]
            _run(arguments, _list(segments, counts, fps), segments[0].parent, output, frames)
    except OSError as error:
        raise output_error(segments[0].parent, error) from error
    _check(output, container, frames, lead, fps)
    companions.notes += _check_sound(output, container, companions.heard, heard)
    return tuple(companions.notes)


def _count(segment: Path) -> int:
    try:
        return len(read_packets(segment, 0, stamped=True).stamps)
    except InputError as error:
        raise OutputError(f'the piece "{segment}" cannot be read again: {error.message}') from error


def _own_sounds(original: Video) -> dict[str, Sound]:
    """What the original has, by what ``-map`` calls it."""
    tracks = [str(track.index) for track in original.audio]
    found = read_sounds(original.path, input_arguments(original.path), tracks)
    return dict(zip((f"1:{index}" for index in tracks), found, strict=True))


def _other_sound(sound: Soundtrack, stretch: Stretch) -> tuple[Sound, Fraction] | None:
    """What the soundtrack has, and how many seconds after the stretch it begins; None: nothing in this stretch."""
    found = sound.read()
    (begin,) = first_heard(sound.path, stretch.source, ["a:0"], stretch.begin, stretch.end)
    return None if begin is None else (found, begin)


def _lead(original: Video, tracks: Mapping[str, Sound]) -> int:
    """How many frames long the first one waits for sound that begins before it."""
    first = min((one.start for one in tracks.values() if one.start is not None), default=original.start)
    early = original.start - first
    return math.ceil(early * original.fps) if early > _PRIMING else 0


def _list(segments: Sequence[Path], counts: Sequence[int], fps: Fraction) -> bytes:
    """For ffmpeg's concat demuxer, with durations of which no error adds up."""
    lines, before = [], 0
    for segment, count in zip(segments, counts, strict=True):
        begin, end = (round(at / fps * 1_000_000) for at in (before, before + count))
        name = segment.name.replace("'", r"'\''")
        # "file:" keeps a name from being taken for anything else; it is one of the folder that ffmpeg runs in.
        lines.append(f"file 'file:{name}'\nduration {end - begin}us\n")
        before += count
    return "".join(lines).encode()


def _on_time(fps: Fraction, lead: int) -> str:
    """The filter that puts every stamp on the grid of frames, which microseconds between pieces may miss by a tick."""
    frame = f"{fps.denominator}/({fps.numerator}*TB)"

    def stamp(name: str) -> str:
        return f"round((round({name}/({frame}))+{lead})*{frame})"

    return f"setts=pts='{stamp('PTS')}':dts='{stamp('DTS')}':duration='round({frame})'"


def _run(arguments: Sequence[str], pieces: bytes, folder: Path, output: Path, frames: int) -> None:
    with FfmpegRun(arguments, feed=True, read=True, folder=folder) as run:
        with suppress(BrokenPipeError):  # what it has to say to that comes below
            run.stdin.write(pieces)
            run.stdin.close()
        written = 0
        while written < frames:
            with run.waiting():
                line = run.stdout.readline()
            if not line:
                break
            if line.startswith(b"frame="):
                written = int(line[6:])
        # Moving the index to the front of a large file takes long, and nothing is said meanwhile.
        run.stdout.read()
        code = run.finish()
    if code:
        said = run.stopped(code) or " ".join([*run.tail][-3:]) or f"it ended with {code}"
        raise unwritten(output, said, what="the video", task="join the pieces of the video")


def _check(output: Path, container: Container, frames: int, lead: int, fps: Fraction) -> None:
    """See that all frames are there, each at its time."""
    try:
        packets = read_packets(output, 0, stamped=container.stamped)
    except InputError as error:
        raise OutputError(f"the joined video cannot be read: {error.message}") from error
    if len(packets.stamps) != frames:
        raise OutputError(f"the joined video has {len(packets.stamps)} frames instead of {frames}.")
    if not container.stamped and abs(packets.tick * fps - 1) > _SAME_RATE:
        rate = float(1 / packets.tick)
        raise OutputError(f"the joined video has {rate:g} frames a second instead of {float(fps):g}.")
    if container.stamped and packets.stamped:
        times = packets.stamps * float(packets.tick)
        due = (lead + np.arange(frames)) / float(fps)
        if float(np.abs(times - due).max()) > float(packets.tick) * 0.51:
            raise OutputError("the frames of the joined video are not at their times.")


def _check_sound(output: Path, container: Container, heard: Sequence[Heard], stretch: Stretch) -> list[str]:
    """See that each track of sound is there and begins when it should; sentences about those that do not.

    What was encoded again may lack what could not be decoded. What was only copied lacks nothing.
    """
    found = read_sounds(output, input_arguments(output), [f"a:{track}" for track in range(len(heard))])
    doubtful = []
    for one, sound in zip(heard, found, strict=True):
        start = sound.start if container.stamped or sound.start is None else Fraction(0)
        if start is None or start > _LATE:
            doubtful.append((one, start))
    if not doubtful:
        return []
    places = [one.place.partition(":")[2] for one, _ in doubtful]
    notes = []
    due = first_heard(stretch.path, stretch.source, places, stretch.begin, stretch.end)
    for (one, start), begin in zip(doubtful, due, strict=True):
        if begin is None or (start is not None and start <= begin + _LATE):
            continue
        said = "is missing" if start is None else f"begins {float(start - begin):.1f} seconds too late"
        if one.copied:
            raise OutputError(f"{one.name} {said} in the joined video.")
        notes.append(f"{one.name} {said}: what is left out cannot be decoded.")
    return notes
