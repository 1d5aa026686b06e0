"""What is said about a video before and after it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.sizes import in_words
from facefusion_cli.errors import IncompleteError

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.projection import Projection

__all__ = ["clock", "incomplete", "plan_sentence", "projection_sentence"]


def clock(seconds: Fraction | float) -> str:
    """Hours, minutes and seconds, as much of them as there is: "1:02:03", "2:03", "3.4 s"."""
    if seconds < 60:
        return f"{float(seconds):.1f} s"
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def plan_sentence(video: Video, start: int, stop: int, pieces: int) -> str:
    """What is going to be done."""
    frames = stop - start
    rate = f"{float(video.fps):.5g}"
    part = "" if frames == video.frames else f" of {clock(video.duration)}"
    return (
        f"{video.path.name}: {clock(frames / video.fps)}{part}, {frames} frames of {video.width} x {video.height}"
        f" at {rate} a second, in {pieces} {'piece' if pieces == 1 else 'pieces'}"
    )


def projection_sentence(facts: Projection) -> str:
    """What the whole would take, after a part of it."""
    length, time = clock(facts.length), clock(facts.seconds)
    return f"the whole of {length} would take about {time} and {in_words(facts.bytes)}"


def incomplete(path: Path, decoded: int, promised: int, hint: str) -> IncompleteError:
    """The error for a video of which some cannot be had."""
    return IncompleteError(f'"{path}" is damaged: only {decoded} of {promised} frames can be decoded.', hint=hint)
