"""What is said of each stage of the work on weights and on videos, on a bar as in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.words import clock

if TYPE_CHECKING:
    from facefusion_cli.core.media.video import watcher as video
    from facefusion_cli.core.weights import watcher as weights

__all__ = ["VIDEO_STAGES", "WEIGHT_STAGES", "amount", "going_on"]

WEIGHT_STAGES: dict[weights.Stage, str] = {
    "waiting": "waiting for another process",
    "connecting": "asking for the file",
    "downloading": "fetching",
    "copying": "copying from the Hugging Face cache",
    "verifying": "checking",
    "converting": "converting",
    "stored": "stored",
}
VIDEO_STAGES: dict[video.Stage, str] = {
    "probing": "reading",
    "listening": "hearing the sound",
    "looking": "looking for faces",
    "swapping": "swapping",
    "speaking": "moving lips",
    "joining": "putting the pieces together",
}


def amount(stage: video.Stage, done: int, total: int) -> str:
    """How far a stage of a video is: frames, or of sound the time; ``total`` is 0 where nobody knows it."""
    if stage != "listening":
        return f"frame {done} of {total}"
    return f"{clock(done)} of {clock(total)}" if total else clock(done)


def going_on(name: str, stage: video.Stage, done: int, total: int) -> str:
    """The sentence for a stage of a video that an earlier run has begun."""
    return f"{name}: {VIDEO_STAGES[stage]}, going on at {amount(stage, done, total)}"
