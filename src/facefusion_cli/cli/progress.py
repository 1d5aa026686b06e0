"""How far the work on weights is: bars on a terminal, else a line now and then."""

from __future__ import annotations

from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from facefusion_cli.cli.stages import WEIGHT_STAGES
from facefusion_cli.core.sizes import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.weights.watcher import Stage, Watcher

__all__ = ["Lines", "show_progress"]


@contextmanager
def show_progress(console: Console, files: Mapping[str, int]) -> Iterator[Watcher]:
    """Show what the watcher is told of downloads, until the end of the block; ``files`` are the bytes of each."""
    screen = console.screen
    if screen is None:
        yield Lines(console)
        return
    from facefusion_cli.cli.bars import Bars

    with Bars(console, screen, files) as bars:
        yield bars


class Lines:
    """A watcher for logs: a line where something begins and where it ends, with ``--verbose`` some between."""

    def __init__(self, console: Console, clock: Callable[[], float] = monotonic) -> None:
        self._console = console
        self._clock = clock
        self._now: tuple[str, Stage] | None = None
        self._began: float | None = None
        self._first = self._total = self._tenth = 0

    def stage(self, name: str, stage: Stage) -> None:
        """See ``Watcher``."""
        if stage == "waiting":
            self._console.done(f"{name}: {WEIGHT_STAGES[stage]}")
        elif stage in ("connecting", "copying", "verifying", "converting"):
            self._console.detail(f"{name}: {WEIGHT_STAGES[stage]}")
        elif stage == "stored" and self._began is None:
            self._console.done(f"{name}: {WEIGHT_STAGES[stage]}")
        elif stage == "stored" and self._began is not None:
            fetched, seconds = in_words(self._total - self._first), self._clock() - self._began
            self._console.done(f"{name}: {WEIGHT_STAGES[stage]}, {fetched} in {seconds:.1f} s")
        if stage in ("waiting", "connecting", "stored") or (self._now is not None and self._now[0] != name):
            self._began = None
        self._now = name, stage

    def progress(self, name: str, done: int, total: int) -> None:
        """See ``Watcher``."""
        if self._now != (name, "downloading"):
            return
        if self._began is None:
            self._began, self._first, self._total = self._clock(), done, total
            start = f", from {in_words(done)} on" if done else ""
            self._console.done(f"{name}: fetching, {in_words(total)}{start}")
            self._tenth = 10 * done // max(total, 1)
        tenth = 10 * done // max(total, 1)
        if tenth > self._tenth:
            self._console.detail(f"{name}: {10 * tenth} %, {in_words(done)} of {in_words(total)}")
        self._tenth = tenth

    def note(self, sentence: str) -> None:
        """See ``Watcher``."""
        self._console.warning(sentence)
