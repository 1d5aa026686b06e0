"""How far a video is: a bar on a terminal, else a line now and then."""

from __future__ import annotations

from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from facefusion_cli.cli.stages import VIDEO_STAGES, amount, going_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from facefusion_cli.cli.console import Console
    from facefusion_cli.cli.video_bar import Board
    from facefusion_cli.core.media.formats import Kind
    from facefusion_cli.core.media.video.watcher import Stage, VideoWatcher

__all__ = ["Lines", "show_many", "show_one"]

_UNKNOWN_STEP = 600


@contextmanager
def show_one(
    console: Console,
    name: str,
    doing: str,
    count: str,
    kind: Kind,
    check: Callable[[], None],
    board: Board | None,
) -> Iterator[VideoWatcher]:
    """Show what becomes of one target, until the end of the block; ``count`` says which of how many it is.

    ``doing`` says of a picture what is being done, which takes no more than a moment. The watcher calls ``check``
    whenever it is told something: it raises what ends the work. ``board`` is what several that are worked on at the
    same time are shown on.
    """
    screen = console.screen
    if screen is None or (board is not None and kind == "picture"):
        yield Lines(console, name, check)
    elif board is not None:
        with board.row(name, check) as row:
            yield row
    elif kind == "picture":
        with console.busy(f"{doing}{count}"):
            yield Lines(console, name, check)
    else:
        from facefusion_cli.cli.video_bar import Board

        with Board(console, screen) as own, own.row(f"{name}{count}", check) as row:
            yield row


@contextmanager
def show_many(console: Console, files: int, jobs: int) -> Iterator[Board | None]:
    """A board for files of which several are worked on at the same time; None where nothing is drawn."""
    screen = console.screen
    if screen is None or jobs <= 1:
        yield None
        return
    from facefusion_cli.cli.video_bar import Board

    with Board(console, screen, files) as board:
        yield board


class Lines:
    """For logs: a line where something begins and ends, with ``--verbose`` some between."""

    def __init__(
        self, console: Console, name: str, check: Callable[[], None], clock: Callable[[], float] = monotonic
    ) -> None:
        self._console = console
        self._name = name
        self.check = check
        self._clock = clock
        self._stage: Stage = "probing"
        self._done = self._first = self._total = 0
        self._began = 0.0

    def plan(self, sentence: str) -> None:
        """See ``VideoWatcher``."""
        self._console.done(sentence)

    def stage(self, stage: Stage, done: int, total: int) -> None:
        """See ``VideoWatcher``."""
        self.check()
        self._stage, self._done, self._first, self._total, self._began = stage, done, done, total, self._clock()
        if 0 < done < total:
            self._console.done(going_on(self._name, stage, done, total))
        else:
            self._console.detail(f"{self._name}: {VIDEO_STAGES[stage]}")

    def chunk(self, number: int, count: int) -> None:
        """See ``VideoWatcher``."""
        self.check()
        if count > 1:
            self._console.done(f"{self._name}: {VIDEO_STAGES[self._stage]}, chunk {number} of {count}")

    def progress(self, frames: int, faces: int) -> None:
        """See ``VideoWatcher``."""
        del faces
        self.check()
        before = self._steps()
        self._done += frames
        if self._steps() > before:
            seconds = self._clock() - self._began
            pace = (self._done - self._first) / seconds if seconds > 1 else None
            unit = "times as fast as it sounds" if self._stage == "listening" else "frames a second"
            rate = "" if pace is None else f", {pace:.1f} {unit}"
            far = amount(self._stage, self._done, self._total)
            self._console.detail(f"{self._name}: {VIDEO_STAGES[self._stage]}, {far}{rate}")

    def _steps(self) -> int:
        """Tenths of what is to be done, or where nobody knows how much that is, stretches of ten minutes."""
        return 10 * self._done // self._total if self._total else self._done // _UNKNOWN_STEP

    def note(self, sentence: str) -> None:
        """See ``VideoWatcher``."""
        self._console.warning(f"{self._name}: {sentence}")
