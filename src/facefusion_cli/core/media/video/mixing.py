"""A soundtrack with a video's own sound under it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.ffmpeg import file_argument, input_arguments
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.core.media.video.sound_filters import cut, filled, known, numbers_only
from facefusion_cli.core.media.video.sounds import first_heard, read_sounds
from facefusion_cli.core.media.video.soundtrack import Soundtrack, original_stretch
from facefusion_cli.core.media.video.unwritten import unwritten

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.sounds import Sound

__all__ = ["mix"]

_LOUDEST = 0.97
"""Where 1 is full scale: encoders that lose something overshoot a little."""


def mix(
    sound: Soundtrack, original: Video, gain: float, start: Fraction, length: Fraction, output: Path
) -> tuple[Soundtrack, tuple[str, ...]]:
    """Write ``length`` seconds of ``sound`` with the first audio track of ``original``, from second ``start`` after
    its first frame on, under it. Returns what is to be heard then, and sentences for the user.

    ``output``, of whatever suffix, becomes a FLAC file of 24 bits, at the higher of both rates, with two channels if
    either has more than one: at most 6 bytes a sample and second. It is the caller's, whatever comes of it.

    The new sound stays as loud as it is, the original's is multiplied by ``gain``. Where both together would be louder
    than 0.97 of full scale, a limiter that looks 5 ms ahead turns them down, and lets go within 50 ms: nothing is
    clipped. Where the original's sound begins late or ends early, the new one is alone.

    Where the original has no sound in this stretch, nothing is written, and ``sound`` is returned.

    Raises:
        InputError: ``sound`` holds none, or ffmpeg was stopped while it read.
        OutputError: ffmpeg fails, or cannot write.
    """
    new = sound.stretch(length)
    if not original.audio:
        return sound, ("the video has no sound of its own that could be mixed in.",)
    own, track = original_stretch(original, start, length), str(original.audio[0].index)
    (under,) = read_sounds(original.path, input_arguments(original.path), [track])
    if under.start is None or under.codec in {"none", "unknown"}:
        return sound, ("the video's own sound cannot be read and is not mixed in.",)
    (own_begin,) = first_heard(own.path, own.source, [track], own.begin, own.end)
    if own_begin is None:
        return sound, ("the video's own sound is silent in this part.",)
    over = sound.read()
    (new_begin,) = first_heard(new.path, new.source, ["a:0"], new.begin, new.end)
    rate, stereo = max(over.rate, under.rate), max(over.channels, under.channels) > 1
    # Where the new sound has ended there is nothing to be late.
    new_filled, own_filled = (filled(length, begin or Fraction(0), rate) for begin in (new_begin, own_begin))
    graph = ";".join(
        [
            f"[0:a:0]{_filters(over, length, new_filled, stereo=stereo)}[over]",
            f"[1:{track}]{_filters(under, length, own_filled, stereo=stereo)},volume={gain:.6f}:precision=float[under]",
            f"[over][under]amix=inputs=2:normalize=0,alimiter=limit={_LOUDEST}:level=0:attack=5:release=50:latency=1",
        ]
    )
    arguments = [
        *("-loglevel", "error", "-progress", "pipe:1", "-copyts", "-max_error_rate", "1"),
        *(*new.arguments, *own.arguments, "-filter_complex", graph, "-map_metadata", "-1", "-map_chapters", "-1"),
        *("-c:a", "flac", "-sample_fmt", "s32", "-f", "flac", "-y", file_argument(output)),
    ]
    _run(arguments, output)
    return Soundtrack(output, interim=True), ()


def _filters(sound: Sound, length: Fraction, filling: Sequence[str], *, stereo: bool) -> str:
    """From a track to what is mixed: of the same rate, length and channels."""
    named, channels = known(sound)
    filters = [cut(length), *numbers_only(sound), *named]
    if channels > 2:
        filters.append("aformat=channel_layouts=stereo")
    elif channels == 1 and stereo:
        # As loud in each; ffmpeg's own way makes it quieter by 3 dB.
        filters.append("pan=stereo|c0=c0|c1=c0")
    return ",".join([*filters, *filling, "aformat=sample_fmts=flt"])


def _run(arguments: Sequence[str], output: Path) -> None:
    with FfmpegRun(arguments, read=True) as run:
        more = True
        while more:
            with run.waiting():
                more = bool(run.stdout.readline())
        code = run.finish()
        said = run.stopped(code) or " ".join([*run.tail][-3:]) or f"it ended with {code}"
    if code:
        raise unwritten(output, said, what="the mixed sound", task="mix the sounds")
