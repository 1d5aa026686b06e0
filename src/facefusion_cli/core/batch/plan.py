"""What would become of each target of a run, before anything is done."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from facefusion_cli.core.media.files import opened
from facefusion_cli.errors import InputError, ProgramError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from facefusion_cli.core.batch.journal import FolderJournal
    from facefusion_cli.core.media.outputs import Output

__all__ = ["Action", "Planned", "plan_actions"]

Action = Literal["make", "replace", "skip", "refuse", "fail"]
"""Make a new file, replace one, leave one that was made from the same already, or one that may not be replaced; or fail
for a target that cannot be read."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One target and what is to be done."""

    output: Output
    action: Action
    error: InputError | None = None
    """Why it would fail."""


def plan_actions(
    outputs: Sequence[Output], journal: FolderJournal | None, made_from: Callable[[Output], Mapping[str, Any]]
) -> list[Planned]:
    """Decide what is to be done for each of ``outputs``; of the files no more is read than whether they can be.

    ``journal`` is that of the folder they go to, None to make everything anew. ``made_from`` says all that a result
    depends on (see ``FolderJournal.record``); it is asked only about those that are there.
    """
    return [_planned(output, journal, made_from) for output in outputs]


def _planned(
    output: Output, journal: FolderJournal | None, made_from: Callable[[Output], Mapping[str, Any]]
) -> Planned:
    try:
        for path in output.inputs:
            with opened(path) as file:
                if not file.read(1):
                    raise InputError(f'"{path}" is empty.')
    except InputError as error:
        return Planned(output, "fail", error)
    return Planned(output, _action(output, journal, made_from))


def _action(output: Output, journal: FolderJournal | None, made_from: Callable[[Output], Mapping[str, Any]]) -> Action:
    if output.exists == "number" or not os.path.lexists(output.path):
        return "make"
    try:
        if journal is not None and journal.done(output.path, lambda: made_from(output)):
            return "skip"
    except (InputError, ProgramError):
        pass  # something cannot be read, or there is no ffmpeg: doing it will say so
    return "replace" if output.exists == "replace" else "refuse"
