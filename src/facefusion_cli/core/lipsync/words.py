"""What is said about a lip sync before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.words import clock

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from facefusion_cli.core.lipsync.options import LipSyncOptions
    from facefusion_cli.core.lipsync.timeline import Timeline
    from facefusion_cli.core.media.video.probe import Video

__all__ = ["lengths_sentence", "plan_sentence"]

_NOTICED = 0.5
"""Seconds of difference that are worth a word."""
_EXTENDED = {
    "pingpong": "after its end the video goes to and fro",
    "loop": "after its end the video begins again",
    "freeze": "after its end the last picture stays",
}


def lengths_sentence(video: Video, sound: Fraction, timeline: Timeline, options: LipSyncOptions) -> str:
    """What happens where picture and sound are not of the same length; "" where they are, or the picture is a still."""
    if video.frames == 1 or abs(video.duration - sound) <= _NOTICED:
        return ""
    length = timeline.frames / timeline.fps
    happens = []
    if length > video.duration:
        happens.append(_EXTENDED[options.extend])
    elif length < video.duration:
        happens.append("the rest of the video is left out")
    if length > sound + _NOTICED:
        happens.append("after the sound there is silence")
    elif length < sound - _NOTICED:
        happens.append("the rest of the sound is left out")
    return (
        f"the video lasts {clock(video.duration)}, the sound {clock(sound)}: the result lasts {clock(length)}"
        f" ({', '.join(happens)}); --fit and --extend decide."
    )


def plan_sentence(target: Path, audio: Path, video: Video, timeline: Timeline, frames: int, pieces: int) -> str:
    """What is going to be done."""
    part = "" if frames == timeline.frames else f" of {clock(timeline.frames / timeline.fps)}"
    return (
        f"{target.name} speaks {audio.name}: {clock(frames / timeline.fps)}{part}, {frames} frames of {video.width} x"
        f" {video.height} at {float(timeline.fps):.5g} a second, in {pieces} {'chunk' if pieces == 1 else 'chunks'}"
    )
