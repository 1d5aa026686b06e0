"""How what became of each target of ``facefusion faceswap`` is told, to people and to programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.media.video.words import incomplete, projection_sentence

if TYPE_CHECKING:
    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.faceswap.result import SwapResult
    from facefusion_cli.core.media.outputs import Output
    from facefusion_cli.errors import FaceFusionError, IncompleteError

__all__ = ["present", "present_skipped", "shortfall"]


def shortfall(result: SwapResult) -> IncompleteError | None:
    """What is wrong with a result that was written all the same; None if nothing is."""
    video = result.video
    if video is None or video.decoded >= video.promised:
        return None
    assert result.target is not None
    return incomplete(result.target, video.decoded, video.promised, f'"{result.output}" holds these.')


def present(
    console: Console, source: str | None, name: str, result: SwapResult, *, many: bool
) -> FaceFusionError | None:
    """Tell of a result; returns what is wrong with it, if it is one that lacks something."""
    assert result.target is not None
    assert result.output is not None
    target = result.target.name
    about = f"{target}: " if many else ""
    for note in result.notes:
        console.warning(about + note)
    faces = ", ".join(map(str, result.faces)) or "none"
    console.detail(f'faces found in "{target}": {result.found}; indices of those replaced: {faces}.')
    video = result.video
    length = "" if video is None else f", {video.swapped} of {video.promised} frames"
    console.done(f"face of {name} -> {target} ({result.engine} engine{length}, {result.seconds:.1f} s)")
    if video is not None and video.projection:
        console.done(f"{about}{projection_sentence(video.projection)}.")
    error = shortfall(result)
    if error is not None:
        console.error(error.message, error.hint)
    console.path(result.output)
    console.record(
        ok=error is None,
        source=source,
        target=str(result.target),
        output=str(result.output),
        engine=result.engine,
        faces=list(result.faces),
        found=result.found,
        **_video_fields(result),
        seconds=round(result.seconds, 3),
        warnings=list(result.notes),
        **({} if error is None else {"error": console.described(error)}),
    )
    return error


def present_skipped(console: Console, source: str | None, output: Output) -> None:
    """Tell of a result that an earlier run has made."""
    console.detail(f'"{output.path}" is finished already.')
    console.path(output.path)
    console.record(ok=True, source=source, target=str(output.target), output=str(output.path), skipped=True)


def _video_fields(result: SwapResult) -> dict[str, Any]:
    video = result.video
    if video is None:
        return {}
    return {
        "frames": video.frames,
        "frames_swapped": video.swapped,
        "frames_missing": video.promised - video.decoded,
        "fps": round(video.fps, 6),
        "projection": None if video.projection is None else asdict(video.projection),
    }
