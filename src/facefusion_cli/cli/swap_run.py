"""What ``facefusion faceswap`` does with its targets: one, several, folders full of them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefusion_cli.cli.dry_run import show_plan
from facefusion_cli.cli.failures import explained
from facefusion_cli.cli.summary import show_summary
from facefusion_cli.cli.swap_present import present, present_skipped, shortfall
from facefusion_cli.cli.swap_progress import show_many, show_swap
from facefusion_cli.core.batch.summary import Summary
from facefusion_cli.core.media.outputs import plan_many, tidy_folder
from facefusion_cli.errors import FaceFusionError, InputError, ProgramError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.batch.journal import FolderJournal
    from facefusion_cli.core.batch.run import Cancel
    from facefusion_cli.core.faceswap.job import SwapJob
    from facefusion_cli.core.faceswap.result import SwapResult
    from facefusion_cli.core.media.outputs import Output

__all__ = ["Settled", "Swapping", "settle"]

_MOST_NAMES = 20
"""How many of the files that failed are named at the end; each has had its own sentence before."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Which files are to be made."""

    outputs: tuple[Output, ...]
    faults: tuple[tuple[str, FaceFusionError], ...]
    """What was named or found and cannot be done, and why."""
    ignored: int
    """How many files found in folders are neither pictures nor videos."""
    journal: FolderJournal | None
    """Of the folder of results, where there are many."""


def settle(targets: Sequence[str], out: str | None, inputs: Sequence[Path], *, clobber: bool, label: str) -> Settled:
    """Find the targets and settle where their results go, before anything is imported that takes a moment.

    Raises:
        UsageError, OutputError: see ``find_targets`` and ``plan_many``.
    """
    from facefusion_cli.core.batch.journal import FolderJournal
    from facefusion_cli.core.batch.targets import find_targets
    from facefusion_cli.core.media.naming import are_many, output_root

    journal = None if out is None else FolderJournal(output_root(out, many=True))
    found = find_targets(targets, out, is_result=_nothing if journal is None else journal.is_result)
    outputs, refused = plan_many(
        found.files,
        out,
        clobber=clobber,
        inputs=inputs,
        label=label,
        was_result=_nothing if journal is None else journal.was_result,
    )
    faults = (*found.faults, *((str(target), error) for target, error in refused))
    return Settled(tuple(outputs), faults, found.ignored, journal if are_many(found.files) else None)


def _nothing(_path: Path) -> bool:
    return False


class Swapping:
    """One run of the command, with its names settled."""

    def __init__(
        self, console: Console, job: SwapJob, settled: Settled, source: Path | None, *, jobs: int, force: bool
    ) -> None:
        """``force`` makes again what is finished."""
        self._console = console
        self._job = job
        self._settled, self._outputs, self._journal = settled, settled.outputs, settled.journal
        self._jobs, self._force = jobs, force
        self._source = None if source is None else str(source)
        self._name = "the persons" if source is None else source.name
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
                self._count(str(planned.output.target), planned.error)
        return 1 if any(planned.action == "refuse" for planned in plan) else self._ended()

    def run(self) -> int:
        """Make what is not made yet; the exit code is a lone target's own, or 1 if any of several failed."""
        console, job, began = self._console, self._job, time.monotonic()
        self._tell_of_targets()
        if self._outputs:
            with console.busy(f"reading {self._name}"):
                job.read()
        # Weights are large: not for the sake of a name that was mistyped.
        pending = list(self._outputs)
        if any(os.path.exists(output.target) for output in self._outputs):  # noqa: PTH110  (Path.exists may raise)
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
        for name, error in self._settled.faults:
            self._failed(name, error)
        if ignored := self._settled.ignored:
            what = "one file that is" if ignored == 1 else f"{ignored} files that are"
            self._console.done(f"left alone: {what} neither picture nor video.")

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
            present_skipped(self._console, self._source, output)
            self._summary.skipped += 1
        return done

    def _make(self, outputs: Sequence[Output]) -> None:
        from facefusion_cli.core.batch.run import run_batch

        jobs = min(self._jobs, len(outputs))
        numbers = {id(output): number for number, output in enumerate(outputs, start=1)}

        def do(output: Output, cancel: Cancel) -> SwapResult:
            cancel.check()
            made_from = self._made_from(output)
            count = f" ({numbers[id(output)]} of {len(outputs)})" if len(outputs) > 1 else ""
            with (
                tidy_folder(output),
                show_swap(self._console, self._name, output, count, cancel.check, board) as watcher,
            ):
                result = self._job.run(output, watcher)
            if self._journal is not None and made_from is not None:
                assert result.output is not None
                self._journal.record(result.output, made_from, complete=shortfall(result) is None)
            return result

        def deliver(output: Output, result: SwapResult | FaceFusionError) -> None:
            if board is not None:
                board.advance()
            if isinstance(result, FaceFusionError):
                self._failed(str(output.target), result)
            elif error := present(self._console, self._source, self._name, result, many=self._many):
                self._count(str(output.target), error)
            else:
                self._summary.made += 1

        with show_many(self._console, len(outputs), jobs) as board:
            run_batch(outputs, do, deliver, jobs=jobs, explain=explained)

    def _made_from(self, output: Output) -> dict[str, Any] | None:
        """What to remember of a result; None where nothing is, or where the target is one that making it finds bad."""
        if self._journal is None:
            return None
        try:
            return self._job.made_from(output)
        except (InputError, ProgramError):
            return None

    def _failed(self, target: str, error: FaceFusionError) -> None:
        self._console.failure(error, source=self._source, target=target, output=None)
        self._count(target, error)

    def _count(self, target: str, error: FaceFusionError) -> None:
        # The errors themselves are let go: through their tracebacks they would hold every picture that failed.
        self._summary.reasons[error.code] += 1
        self._exit_code = error.exit_code
        self._failures.append(f'"{target}"')

    def _list_failures(self, total: int) -> None:
        named = ", ".join(self._failures[:_MOST_NAMES])
        more = len(self._failures) - _MOST_NAMES
        named += f" and {more} more" if more > 0 else ""
        self._console.error(f"{len(self._failures)} of {total} files failed: {named}.")
