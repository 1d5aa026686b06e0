"""The bar of a video on a terminal: frames, speed, time left, faces."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from facefusion_cli.cli.bars import Drawing, Speed, clock_time
from facefusion_cli.cli.console import printable
from facefusion_cli.cli.stages import VIDEO_STAGES, going_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from rich.console import Console as RichConsole

    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.media.video.watcher import Stage, VideoWatcher

__all__ = ["Board"]

_ROOMY, _WIDE = 64, 100
"""Columns from which on there is room for the frames, and for everything."""


class _Figures(ProgressColumn):
    """What stands behind a bar; of steady width, so that the bar keeps its length."""

    def __init__(self, columns: int) -> None:
        self._roomy, self._wide = columns >= _ROOMY, columns >= _WIDE
        super().__init__(Column(no_wrap=True, justify="right", min_width=36 if self._roomy else 14))

    def render(self, task: Task) -> Text:
        """Frames, frames a second, time left, faces in the last of them; or how many files.

        Of sound it is the time, and how many times as fast as it sounds it is heard.
        """
        total, done = int(task.total or 0), int(task.completed)
        if not total:
            return Text(clock_time(done) if done and task.fields.get("stage") == "listening" else "")
        speed: Speed | None = task.fields["speed"]
        if speed is None:
            return Text(f"{done}/{total}")
        pace = speed.now()
        left = "-:--" if not pace else clock_time((total - done) / pace)
        if not self._roomy:
            return Text(f"{100 * done // total:>3} %  {left:>7}")
        if task.fields["stage"] == "listening":
            length = clock_time(total)
            rate = "" if pace is None else f"{pace:.0f}x"
            return Text(f"{clock_time(done):>{len(length)}}/{length}  {rate:>9}  {left:>7}")
        rate = "" if pace is None else f"{pace:.1f} fps"
        figures = f"{done:>{len(str(total))}}/{total}  {rate:>9}  {left:>7}"
        faces = task.fields["faces"]
        return Text(f"{figures}  {faces} {'face ' if faces == 1 else 'faces'}" if self._wide else figures)


class Board:
    """Bars on a terminal: a row for each video that is worked on, and one for all files where there are several."""

    def __init__(self, console: Console, screen: RichConsole, files: int = 0) -> None:
        self._console = console
        self._columns = screen.width
        self._progress = Drawing(
            TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", max_width=44)),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            _Figures(screen.width),
            console=screen,
        )
        self._files = self._progress.add_task("files", total=files, speed=None) if files else None

    def __enter__(self) -> Board:
        self._console.drawing = True
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in list(self._progress.task_ids):  # the sentences that follow say it all
            self._progress.remove_task(task)
        self._progress.stop()
        self._console.drawing = False

    def advance(self) -> None:
        """One more file is finished."""
        if self._files is not None:
            self._progress.advance(self._files)

    @contextmanager
    def row(self, name: str, check: Callable[[], None]) -> Iterator[VideoWatcher]:
        """A row for a video until the end of the block; its watcher may be told things in any one thread."""
        row = _Row(self._console, self._progress, name, check, short=self._columns < _ROOMY)
        try:
            yield row
        finally:
            row.remove()


class _Row:
    """A watcher that draws."""

    def __init__(
        self, console: Console, progress: Drawing, name: str, check: Callable[[], None], *, short: bool
    ) -> None:
        self._console = console
        self._progress = progress
        self._name = printable(name)
        self._short = short
        self.check = check
        self._speed = Speed()
        self._task = progress.add_task(escape(self._name), total=None, speed=self._speed, faces=0, stage="probing")
        self._done = 0
        self._words = self._name

    def remove(self) -> None:
        """It is finished."""
        if self._task in self._progress.task_ids:
            self._progress.remove_task(self._task)

    def plan(self, sentence: str) -> None:
        """See ``VideoWatcher``."""
        self._console.done(sentence)

    def stage(self, stage: Stage, done: int, total: int) -> None:
        """See ``VideoWatcher``."""
        self.check()
        self._done = done
        self._speed.restart()
        self._speed.moved(done)
        if 0 < done < total:
            self._console.done(going_on(self._name, stage, done, total))
        self._words = VIDEO_STAGES[stage] if self._short else f"{self._name}: {VIDEO_STAGES[stage]}"
        for task in self._progress.tasks:
            if task.id == self._task:
                task.total = total or None  # "reset" and "update" would keep the last stage's where there is none
        self._progress.reset(
            self._task, completed=done, description=escape(self._words), speed=self._speed, faces=0, stage=stage
        )

    def chunk(self, number: int, count: int) -> None:
        """See ``VideoWatcher``."""
        self.check()
        if count > 1:
            self._progress.update(self._task, description=escape(f"{self._words}, chunk {number}/{count}"))

    def progress(self, frames: int, faces: int) -> None:
        """See ``VideoWatcher``."""
        self.check()
        self._done += frames
        self._speed.moved(self._done)
        self._progress.update(self._task, completed=self._done, faces=faces)

    def note(self, sentence: str) -> None:
        """See ``VideoWatcher``."""
        self._console.warning(f"{self._name}: {sentence}")
