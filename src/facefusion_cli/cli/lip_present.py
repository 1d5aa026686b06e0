"""How what became of each video of ``facefusion lipsync`` is told, to people and to programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.words import incomplete, projection_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from facefusion_cli.cli.console import Console
    from facefusion_cli.cli.settled import Subject
    from facefusion_cli.core.lipsync.result import LipSyncResult, Untouched
    from facefusion_cli.core.media.outputs import Output
    from facefusion_cli.errors import FaceFusionError, IncompleteError

__all__ = ["LipPresentation", "untouched_sentence"]

_MOST_STRETCHES = 10
"""How many are named to people; programs get them all."""


class LipPresentation:
    """See ``Presentation``."""

    unwanted = "neither picture, video nor sound"

    def __init__(self, console: Console, inputs: Sequence[Path], outputs: Sequence[Output]) -> None:
        """``inputs`` are the files that all videos have in common."""
        self._console = console
        self.reading = f"reading {', '.join(path.name for path in inputs)}" if inputs else "getting ready"
        # One video that speaks many sounds is told apart by these.
        self._by_sound = len(outputs) > 1 and len({output.target for output in outputs}) == 1

    def fields(self, subject: Subject) -> dict[str, str | None]:
        """See ``Presentation``."""
        return {"target": subject.target, "audio": subject.sound}

    def called(self, subject: Subject) -> str:
        """See ``Presentation``."""
        return f'"{subject.sound if subject.target is None or self._by_sound else subject.target}"'

    def row(self, output: Output) -> str:
        """See ``Presentation``."""
        return self._name(output.target, output.sound)

    def doing(self, output: Output) -> str:
        """See ``Presentation``."""
        return f"making {output.target.name} speak"

    def shortfall(self, result: LipSyncResult) -> IncompleteError | None:
        """See ``Presentation``."""
        if result.decoded >= result.promised:
            return None
        return incomplete(result.target, result.decoded, result.promised, f'"{result.output}" holds these.')

    def result(self, result: LipSyncResult, *, many: bool) -> FaceFusionError | None:
        """See ``Presentation``."""
        console = self._console
        about = f"{self._name(result.target, result.audio)}: " if many else ""
        for note in result.notes:
            console.warning(about + note)
        if result.untouched:
            console.done(f"{about}{untouched_sentence(result.untouched)}")
        console.detail(f"{about}faces followed: {result.faces}; most memory: {result.peak_memory / 1e6:.0f} MB.")
        console.done(
            f"{result.target.name} speaks {result.audio.name} ({result.engine} engine, {result.spoken} of "
            f"{result.frames} frames, {result.seconds:.1f} s)"
        )
        if result.projection is not None:
            console.done(f"{about}{projection_sentence(result.projection)}.")
        error = self.shortfall(result)
        if error is not None:
            console.error(error.message, error.hint)
        console.path(result.output)
        console.record(
            ok=error is None,
            target=str(result.target),
            audio=str(result.audio),
            output=str(result.output),
            engine=result.engine,
            device=result.device,
            frames=result.frames,
            spoken=result.spoken,
            frames_missing=result.promised - result.decoded,
            fps=round(result.fps, 6),
            length=round(result.length, 3),
            faces=result.faces,
            untouched=[
                {"start": round(one.start, 3), "stop": round(one.stop, 3), "reason": one.reason}
                for one in result.untouched
            ],
            stages={name: round(seconds, 3) for name, seconds in result.stages.items()},
            peak_memory=result.peak_memory,
            projection=None if result.projection is None else asdict(result.projection),
            seconds=round(result.seconds, 3),
            warnings=list(result.notes),
            **({} if error is None else {"error": console.described(error)}),
        )
        return error

    def _name(self, target: Path, sound: Path | None) -> str:
        return sound.name if self._by_sound and sound is not None else target.name


def untouched_sentence(stretches: Sequence[Untouched]) -> str:
    """Where no lips were moved, and why: the first stretches, and how many more there are."""
    named = [f"{_time(one.start)} to {_time(one.stop)} ({one.reason})" for one in stretches[:_MOST_STRETCHES]]
    more = len(stretches) - _MOST_STRETCHES
    if more > 0:
        named.append(f"and in {more} more {'stretch' if more == 1 else 'stretches'}")
    return f"lips were not moved from {', '.join(named)}."


def _time(seconds: float) -> str:
    """To a tenth of a second: "0:03.2", "1:02:03.4"."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minutes:02}:{tail}" if hours else f"{minutes}:{tail}"
