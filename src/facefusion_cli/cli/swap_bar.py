"""The bar of a video on a terminal: frames, speed, time left, faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from facefusion_cli.cli.bars import Drawing, Speed, clock_time
from facefusion_cli.cli.console import printable
from facefusion_cli.cli.swap_progress import STAGES

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.console import Console as RichConsole

    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.faceswap.watcher import Stage

__all__ = ["Bar", "Files"]

_WIDE = 90
"""Columns from which on there is room for everything."""


class _Figures(ProgressColumn):
    """What stands behind the bar; of steady width, so that the bar keeps its length."""

    def __init__(self, speed: Speed, *, wide: bool) -> None:
        super().__init__(Column(no_wrap=True, justify="right", min_width=45 if wide else 18))
        self._speed = speed
        self._wide = wide

    def render(self, task: Task) -> Text:
        """Frames, frames a second, time left, faces found."""
        total, done = int(task.total or 0), int(task.completed)
        if not total:
            return Text("")
        speed = self._speed.now()
        left = "-:--" if not speed else clock_time((total - done) / speed)
        if not self._wide:
            return Text(f"{100 * done // total:>3} %  {left:>8}")
        rate = "" if speed is None else f"{speed:.1f} fps"
        faces = task.fields["faces"]
        return Text(f"{done:>{len(str(total))}}/{total}  {rate:>9}  {left:>8}  {faces} faces")


class Files:
    """How many files of a run are finished."""

    def __init__(self, console: Console, screen: RichConsole, files: int) -> None:
        self._console = console
        self._progress = Drawing(
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            TextColumn("{task.completed:.0f}/{task.total:.0f}", table_column=Column(no_wrap=True)),
            TimeRemainingColumn(),
            console=screen,
        )
        self._task = self._progress.add_task("files", total=files)

    def __enter__(self) -> Files:
        self._console.drawing = True
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.remove_task(self._task)  # the summary says it all
        self._progress.stop()
        self._console.drawing = False

    def advance(self) -> None:
        """One more file is finished."""
        self._progress.advance(self._task)


class Bar:
    """A watcher that draws."""

    def __init__(self, console: Console, screen: RichConsole, name: str, check: Callable[[], None]) -> None:
        self._console = console
        self.check = check
        self._speed = Speed()
        wide = screen.width >= _WIDE
        self._progress = Drawing(
            TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", max_width=40)),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            _Figures(self._speed, wide=wide),
            console=screen,
        )
        self._name = printable(name)
        self._wide = wide
        self._task = self._progress.add_task(self._name, total=None, faces=0)
        self._done = self._faces = 0

    def __enter__(self) -> Bar:
        self._console.drawing = True
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.remove_task(self._task)  # the sentence that follows says it all
        self._progress.stop()
        self._console.drawing = False

    def plan(self, sentence: str) -> None:
        """See ``SwapWatcher``."""
        self._console.done(sentence)

    def stage(self, stage: Stage, done: int, total: int) -> None:
        """See ``SwapWatcher``."""
        self.check()
        self._done, self._faces = done, 0
        self._speed.restart()
        if done and total:
            self._console.done(f"{self._name}: {STAGES[stage]}, going on at frame {done} of {total}")
        words = f"{self._name}: {STAGES[stage]}" if self._wide else STAGES[stage]
        self._progress.reset(
            self._task, total=total or None, completed=done, description=words.replace("[", r"\["), faces=0
        )
        self._speed.moved(done)

    def progress(self, frames: int, faces: int) -> None:
        """See ``SwapWatcher``."""
        self.check()
        self._done += frames
        self._faces += faces
        self._speed.moved(self._done)
        self._progress.update(self._task, completed=self._done, faces=self._faces)

    def note(self, sentence: str) -> None:
        """See ``SwapWatcher``."""
        self._console.warning(f"{self._name}: {sentence}")
