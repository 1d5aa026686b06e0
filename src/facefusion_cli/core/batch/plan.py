"""What would become of each target of a run, before anything is done."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from facefusion_cli.core.batch.journal import FolderJournal
    from facefusion_cli.core.media.outputs import Output

__all__ = ["Action", "Planned", "plan_actions"]

Action = Literal["make", "replace", "skip", "refuse"]
"""Make a new file, replace one, leave one that was made from the same already, or one that may not be replaced."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One target and what is to be done."""

    output: Output
    action: Action


def plan_actions(
    outputs: Sequence[Output], journal: FolderJournal | None, made_from: Callable[[Path], Mapping[str, Any]]
) -> list[Planned]:
    """Decide what is to be done for each of ``outputs``.

    ``journal`` is that of the folder they go to, None to make everything anew. ``made_from`` says all that the result
    of a target depends on (see ``FolderJournal.record``); it is asked only about targets whose results are there.
    """
    return [Planned(output, _action(output, journal, made_from)) for output in outputs]


def _action(output: Output, journal: FolderJournal | None, made_from: Callable[[Path], Mapping[str, Any]]) -> Action:
    if output.exists == "number" or not os.path.lexists(output.path):
        return "make"
    try:
        if journal is not None and journal.done(output.path, lambda: made_from(output.target)):
            return "skip"
    except InputError:
        pass  # a target that cannot be read: doing it will say so
    return "replace" if output.exists == "replace" else "refuse"
