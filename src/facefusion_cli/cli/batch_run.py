"""What a command does with its targets: one, several, folders full of them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from facefusion_cli.cli.dry_run import show_plan
from facefusion_cli.cli.first_use import tell_once
from facefusion_cli.cli.settled import Subject
from facefusion_cli.cli.summary import show_summary
from facefusion_cli.cli.video_progress import show_many, show_one
from facefusion_cli.core.batch.summary import Summary
from facefusion_cli.core.failures import explained
from facefusion_cli.core.media.outputs import tidy_folder
from facefusion_cli.errors import FaceFusionError, InputError, ProgramError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from facefusion_cli.cli.console import Console
    from facefusion_cli.cli.settled import Settled
    from facefusion_cli.core.batch.run import Cancel
    from facefusion_cli.core.media.outputs import Output
    from facefusion_cli.core.media.video.watcher import VideoWatcher

__all__ = ["BatchRun", "Job", "Presentation", "Result"]

_MOST_NAMES = 20
"""How many of the files that failed are named at the end; each has had its own sentence before."""


class Result(Protocol):
    """What becomes of one target."""

    @property
    def output(self) -> Path | None:
        """The file written."""
        ...


R = TypeVar("R", bound=Result)
R_co = TypeVar("R_co", bound=Result, covariant=True)
R_contra = TypeVar("R_contra", bound=Result, contravariant=True)


class Job(Protocol[R_co]):
    """What the work is; see ``SwapJob``."""

    @property
    def details(self) -> Sequence[str]:
        """Sentences for those who want to know more of what runs."""
        ...

    def read(self) -> None:
        """Read what all targets have in common."""
        ...

    def choose(self) -> str:
        """Decide on the engine; what the user should know of it, or ""."""
        ...

    def prepare(self) -> Sequence[str]:
        """Load everything; what the user should know of the engine."""
        ...

    def made_from(self, output: Output) -> Mapping[str, Any]:
        """What a result is made from."""
        ...

    def would_be_made_from(self, output: Output) -> Mapping[str, Any]:
        """The same, without fetching anything or asking anybody."""
        ...

    def run(self, output: Output, watcher: VideoWatcher) -> R_co:
        """Make one result."""
        ...


class Presentation(Protocol[R_contra]):
    """How one command tells of its work."""

    reading: str
    """What is being done while that is read which all targets have in common."""
    unwanted: str
    """What files in folders are that are left alone, as in "neither picture nor video"."""

    def fields(self, subject: Subject) -> dict[str, str | None]:
        """Of a JSON object those that say what it is about."""
        ...

    def called(self, subject: Subject) -> str:
        """The subject among others in a list."""
        ...

    def row(self, output: Output) -> str:
        """The name by which progress is told."""
        ...

    def doing(self, output: Output) -> str:
        """What is being done, for work too short for a bar."""
        ...

    def result(self, result: R_contra, *, many: bool) -> FaceFusionError | None:
        """Tell of a result; returns what is wrong with it, if it is one that lacks something."""
        ...

    def shortfall(self, result: R_contra) -> FaceFusionError | None:
        """What is wrong with a result that was written all the same; None if nothing is."""
        ...


class BatchRun(Generic[R]):
    """One run of a command, with its names settled."""

    def __init__(
        self,
        console: Console,
        job: Job[R],
        presentation: Presentation[R],
        settled: Settled,
        *,
        jobs: int,
        force: bool,
    ) -> None:
        """``force`` makes again what is finished."""
        self._console = console
        self._job = job
        self._presentation = presentation
        self._settled, self._outputs, self._journal = settled, settled.outputs, settled.journal
        self._jobs, self._force = jobs, force
        self._many = self._journal is not None or len(settled.outputs) + len(settled.faults) > 1
        self._summary = Summary()
        self._failures: list[str] = []
        self._exit_code = 0

    def list(self) -> int:
        """Say what would be done."""
        from facefusion_cli.core.batch.plan import plan_actions

        self._tell_of_targets()
        if not self._outputs:
            return self._ended()
        self._job.read()
        journal = None if self._force else self._journal
        plan = plan_actions(self._outputs, journal, self._job.would_be_made_from)
        show_plan(self._console, plan)
        for planned in plan:
            if planned.error is not None:
                self._count(Subject.of(planned.output), planned.error)
        return 1 if any(planned.action == "refuse" for planned in plan) else self._ended()

    def run(self) -> int:
        """Make what is not made yet; the exit code is a lone target's own, or 1 if any of several failed."""
        console, job, began = self._console, self._job, time.monotonic()
        tell_once(console)
        self._tell_of_targets()
        if self._outputs:
            with console.busy(self._presentation.reading):
                job.read()
        # Weights are large: not for the sake of a name that was mistyped.
        pending = list(self._outputs)
        if any(map(_is_there, self._outputs)):
            if note := job.choose():
                console.warning(note)
            pending = [output for output in self._outputs if not self._done(output)]
            if pending:
                self._prepare()
        self._make(pending)
        for note in self._journal.notes if self._journal is not None else ():
            console.warning(note)
        if self._many:
            self._summary.seconds = time.monotonic() - began
            show_summary(console, self._summary)
            if self._failures:
                self._list_failures(len(self._outputs) + len(self._settled.faults))
        return self._ended()

    def _ended(self) -> int:
        """The exit code."""
        return 1 if self._many and self._failures else self._exit_code

    def _tell_of_targets(self) -> None:
        for subject, error in self._settled.faults:
            self._failed(subject, error)
        if left_alone := self._settled.left_alone:
            what = "one file that is" if len(left_alone) == 1 else f"{len(left_alone)} files that are"
            self._console.done(f"left alone: {what} {self._presentation.unwanted}.")
            for path in left_alone:
                self._console.detail(f'left alone: "{path}".')

    def _prepare(self) -> None:
        with self._console.busy("loading the engine"):
            notes = self._job.prepare()
        for note in notes:
            self._console.warning(note)
        for detail in self._job.details:
            self._console.detail(detail)

    def _done(self, output: Output) -> bool:
        """Whether there is nothing to do for a target, which is then told."""
        if self._journal is None or self._force:
            return False
        try:
            done = self._journal.done(output.path, lambda: self._job.made_from(output))
        except (InputError, ProgramError):
            return False  # what is wrong with it comes out when its turn comes
        if done:
            self._console.detail(f'"{output.path}" is finished already.')
            self._console.path(output.path)
            fields = self._presentation.fields(Subject.of(output))
            self._console.record(ok=True, **fields, output=str(output.path), skipped=True)
            self._summary.skipped += 1
        return done

    def _make(self, outputs: Sequence[Output]) -> None:
        from facefusion_cli.core.batch.run import run_batch

        jobs = min(self._jobs, len(outputs))
        numbers = {id(output): number for number, output in enumerate(outputs, start=1)}

        def do(output: Output, cancel: Cancel) -> R:
            cancel.check()
            made_from = self._made_from(output)
            count = f" ({numbers[id(output)]} of {len(outputs)})" if len(outputs) > 1 else ""
            row, doing = self._presentation.row(output), self._presentation.doing(output)
            with (
                tidy_folder(output),
                show_one(self._console, row, doing, count, output.kind, cancel.check, board) as watcher,
            ):
                result = self._job.run(output, watcher)
            if self._journal is not None and made_from is not None:
                assert result.output is not None
                complete = self._presentation.shortfall(result) is None
                self._journal.record(result.output, made_from, complete=complete)
            return result

        def deliver(output: Output, result: R | FaceFusionError) -> None:
            if board is not None:
                board.advance()
            if isinstance(result, FaceFusionError):
                self._failed(Subject.of(output), result)
            elif error := self._presentation.result(result, many=self._many):
                self._count(Subject.of(output), error)
            else:
                self._summary.made += 1

        with show_many(self._console, len(outputs), jobs) as board:
            run_batch(outputs, do, deliver, jobs=jobs, explain=explained)

    def _made_from(self, output: Output) -> Mapping[str, Any] | None:
        """What to remember of a result; None where nothing is, or where the target is one that making it finds bad."""
        if self._journal is None:
            return None
        try:
            return self._job.made_from(output)
        except (InputError, ProgramError):
            return None

    def _failed(self, subject: Subject, error: FaceFusionError) -> None:
        self._console.failure(error, **self._presentation.fields(subject), output=None)
        self._count(subject, error)

    def _count(self, subject: Subject, error: FaceFusionError) -> None:
        # The errors themselves are let go: through their tracebacks they would hold every picture that failed.
        self._summary.reasons[error.code] += 1
        self._exit_code = error.exit_code
        self._failures.append(self._presentation.called(subject))

    def _list_failures(self, total: int) -> None:
        named = ", ".join(self._failures[:_MOST_NAMES])
        more = len(self._failures) - _MOST_NAMES
        named += f" and {more} more" if more > 0 else ""
        self._console.error(f"{len(self._failures)} of {total} files failed: {named}.")


def _is_there(output: Output) -> bool:
    """Whether the files that a result is made from exist."""
    return all(os.path.exists(file) for file in output.inputs)  # noqa: PTH110  (Path.exists may raise)
