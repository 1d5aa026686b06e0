"""How what became of each target of ``facefusion faceswap`` is told, to people and to programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.media.video.words import incomplete, projection_sentence

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.cli.console import Console
    from facefusion_cli.cli.settled import Subject
    from facefusion_cli.core.faceswap.result import SwapResult
    from facefusion_cli.core.media.outputs import Output
    from facefusion_cli.errors import FaceFusionError, IncompleteError

__all__ = ["SwapPresentation"]


class SwapPresentation:
    """See ``Presentation``."""

    unwanted = "neither picture nor video"

    def __init__(self, console: Console, source: Path | None) -> None:
        """``source`` is None where persons are mapped to faces."""
        self._console = console
        self._source = None if source is None else str(source)
        self._name = "the persons" if source is None else source.name
        self.reading = f"reading {self._name}"
        # What all results have in common is said with the first.
        self._told: set[str] = set()

    def fields(self, subject: Subject) -> dict[str, str | None]:
        """See ``Presentation``."""
        return {"source": self._source, "target": subject.target}

    def called(self, subject: Subject) -> str:
        """See ``Presentation``."""
        return f'"{subject.target}"'

    def row(self, output: Output) -> str:
        """See ``Presentation``."""
        return output.target.name

    def doing(self, output: Output) -> str:
        """See ``Presentation``."""
        return f"face of {self._name} -> {output.target.name}"

    def shortfall(self, result: SwapResult) -> IncompleteError | None:
        """See ``Presentation``."""
        video = result.video
        if video is None or video.decoded >= video.promised:
            return None
        assert result.target is not None
        return incomplete(result.target, video.decoded, video.promised, f'"{result.output}" holds these.')

    def result(self, result: SwapResult, *, many: bool) -> FaceFusionError | None:
        """See ``Presentation``."""
        assert result.target is not None
        assert result.output is not None
        console, target = self._console, result.target.name
        about = f"{target}: " if many else ""
        for note in result.notes:
            if note not in result.common:
                console.warning(about + note)
            elif note not in self._told:
                console.warning(note)
                self._told.add(note)
        faces = ", ".join(map(str, result.faces)) or "none"
        console.detail(f'faces found in "{target}": {result.found}; indices of those replaced: {faces}.')
        video = result.video
        length = "" if video is None else f", {video.swapped} of {video.promised} frames"
        console.done(f"face of {self._name} -> {target} ({result.engine} engine{length}, {result.seconds:.1f} s)")
        if video is not None and video.projection:
            console.done(f"{about}{projection_sentence(video.projection)}.")
        error = self.shortfall(result)
        if error is not None:
            console.error(error.message, error.hint)
        console.path(result.output)
        console.record(
            ok=error is None,
            source=self._source,
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
