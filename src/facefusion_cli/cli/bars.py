"""Bars on a terminal: one for each file, and one for all together."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column, Table
from rich.text import Text

from facefusion_cli.cli.stages import WEIGHT_STAGES
from facefusion_cli.core.sizes import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from rich.console import Console as RichConsole

    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.weights.watcher import Stage

__all__ = ["Bars", "Drawing", "Speed", "clock_time"]

_SPAN = 10.0
"""Seconds over which speed is averaged."""
_FULL_WIDTH = 70
"""Columns from which on there is room for the speed."""


class Speed:
    """Bytes per second over the last few seconds; what was there before does not count."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()

    def restart(self) -> None:
        """Another file, or another beginning: the next figure is where it starts."""
        self._samples.clear()

    def moved(self, done: int) -> None:
        """So many bytes are there now."""
        now = self._clock()
        if self._samples and done < self._samples[-1][1]:
            self._samples.clear()
        while len(self._samples) > 1 and now - self._samples[1][0] > _SPAN:
            self._samples.popleft()
        self._samples.append((now, done))

    def now(self) -> float | None:
        """None while it is too early to tell. May be called from another thread."""
        samples = self._samples.copy()
        if not samples:
            return None
        (first, start), (last, done) = samples[0], samples[-1]
        now = self._clock()
        if now - last > _SPAN:
            return 0.0
        return (done - start) / (now - first) if now - first >= 1.0 else None


class _Figures(ProgressColumn):
    """What stands behind a bar: bytes, speed and time left, or what else is being done."""

    def __init__(self, speed: Speed, *, full: bool) -> None:
        # As wide as the longest of them, so that the bars keep their length.
        super().__init__(Column(no_wrap=True, justify="right", min_width=37 if full else 27))
        self._speed = speed
        self._full = full

    def render(self, task: Task) -> Text:
        """One line of steady width."""
        total, done = int(task.total or 0), int(task.completed)
        amount, words = in_words(total), task.fields["words"]
        number, unit = amount.split()
        so_far = f"{_in_unit(done, unit):>{len(number)}}/{amount}"
        if task.fields["moving"]:
            speed = self._speed.now()
            rate = "" if speed is None else f"{in_words(int(speed))}/s"
            left = "-:--" if not speed else clock_time((total - done) / speed)
            return Text(f"{so_far}  {rate:>10}  {left:>7}" if self._full else f"{so_far}  {left:>7}")
        if words:
            return Text(f"{amount}  {words}" if self._full else words)
        return Text(so_far if 0 < done < total else amount)


class Drawing(Progress):
    """Leaves the end of the last line free: there a terminal shows "^C", which must not begin another line."""

    def __init__(self, *columns: ProgressColumn, console: RichConsole) -> None:
        self._screen = console
        # The console sees to results.
        super().__init__(*columns, console=console, redirect_stdout=False)

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        """The bars as they are now."""
        table = super().make_tasks_table(tasks)
        table.width = self._screen.width - 4
        return table


class Bars:
    """A watcher that draws, from the first news on until the end of the block."""

    def __init__(self, console: Console, screen: RichConsole, files: Mapping[str, int]) -> None:
        self._console = console
        self._wanted = frozenset(files)
        self._files = dict(files)
        self._speed = Speed()
        self._progress = Drawing(
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            _Figures(self._speed, full=screen.width >= _FULL_WIDTH),
            console=screen,
        )
        self._tasks: dict[str, TaskID] = {}
        self._done: dict[str, int] = {}
        self._all: TaskID | None = None
        self._name: str | None = None
        self._stages: dict[str, Stage] = {}

    def __enter__(self) -> Bars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave("")
        for name, stage in self._stages.items() if error is None else ():
            if stage != "stored":
                # An archive that was never reached has no size, and nobody asked for it.
                self._progress.update(self._tasks[name], words="failed", visible=self._files[name] > 0)
        self._progress.stop()
        self._console.drawing = False

    def stage(self, name: str, stage: Stage) -> None:
        """See ``Watcher``."""
        task = self._task(name)
        if name != self._name:
            # What nobody asked for is an archive that holds it. Whether a file has failed shows in the end.
            self._leave(f"from {name}" if self._name in self._wanted and name not in self._wanted else "")
        self._name, self._stages[name] = name, stage
        self._settle()
        self._speed.restart()
        self._progress.update(task, moving=False, words=WEIGHT_STAGES[stage])
        if stage == "stored":
            self._progress.update(task, completed=self._files[name])
            self._count(name, self._files[name])

    def progress(self, name: str, done: int, total: int) -> None:
        """See ``Watcher``."""
        task, moving = self._task(name), self._moving(name)
        self._files[name] = total
        self._progress.update(task, completed=done, total=total, moving=moving)
        if moving:
            self._speed.moved(done)
            self._count(name, done)

    def note(self, sentence: str) -> None:
        """See ``Watcher``."""
        self._console.warning(sentence)

    def _task(self, name: str) -> TaskID:
        if not self._tasks:
            self._console.drawing = True
            self._progress.start()
            for file in self._files if len(self._files) > 1 else ():
                self._tasks[file] = self._add(file, self._files[file])
            if self._tasks:
                self._all = self._add("total", sum(self._files.values()))
        if name not in self._tasks:
            self._tasks[name] = self._add(name, self._files.setdefault(name, 0))
        return self._tasks[name]

    def _add(self, label: str, size: int) -> TaskID:
        return self._progress.add_task(label, total=size, moving=False, words="")

    def _count(self, name: str, done: int) -> None:
        self._done[name] = done
        if self._all is not None:
            so_far, total = sum(self._done.values()), sum(self._files.values())
            self._progress.update(self._all, completed=so_far, total=total, moving=self._moving(name))

    def _moving(self, name: str) -> bool:
        return self._stages.get(name) == "downloading"

    def _leave(self, words: str) -> None:
        """Something else begins; ``words`` for a file that is not whole, "" to show how far it came."""
        if self._name is not None and self._stages[self._name] != "stored":
            self._progress.update(self._tasks[self._name], moving=False, words=words)
        self._settle()

    def _settle(self) -> None:
        if self._all is not None:
            self._progress.update(self._all, moving=False)


def _in_unit(size: int, unit: str) -> str:
    power = ("B", "kB", "MB", "GB", "TB").index(unit)
    return str(size) if power == 0 else f"{size / 1000**power:.1f}"


def clock_time(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any: "3:07", "1:02:03"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
