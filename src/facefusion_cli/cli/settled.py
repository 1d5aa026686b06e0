"""Which files a command is to make, settled before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from facefusion_cli.core.media.outputs import plan_many

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from facefusion_cli.core.batch.journal import FolderJournal
    from facefusion_cli.core.batch.targets import Targets
    from facefusion_cli.core.media.outputs import Output
    from facefusion_cli.errors import FaceFusionError

__all__ = ["Settled", "Subject", "settle"]


class Subject(NamedTuple):
    """What something is said about, as the user knows it; None for what is not there."""

    target: str | None
    sound: str | None = None

    @classmethod
    def of(cls, output: Output) -> Subject:
        """The files that a result is made from."""
        return cls(str(output.target), None if output.sound is None else str(output.sound))


@dataclass(frozen=True, slots=True)
class Settled:
    """Which files are to be made."""

    outputs: tuple[Output, ...]
    faults: tuple[tuple[Subject, FaceFusionError], ...]
    """What was named or found and cannot be done, and why."""
    left_alone: tuple[Path, ...]
    """Files found in folders that are nothing to work on."""
    journal: FolderJournal | None
    """Of the folder of results, where there are many."""


def settle(
    find: Callable[[Callable[[Path], bool]], Targets],
    out: str | None,
    inputs: Sequence[Path],
    *,
    clobber: bool,
    label: str,
) -> Settled:
    """Find the targets and settle where their results go, before anything is imported that takes a moment.

    ``find`` finds them, given what knows the results of earlier runs.

    Raises:
        UsageError, OutputError: see ``find_targets`` and ``plan_many``.
    """
    from facefusion_cli.core.batch.journal import FolderJournal
    from facefusion_cli.core.media.naming import are_many, output_root

    journal = None if out is None else FolderJournal(output_root(out, many=True))
    found = find(_nothing if journal is None else journal.is_result)
    outputs, refused = plan_many(
        found.files,
        out,
        clobber=clobber,
        inputs=inputs,
        label=label,
        was_result=_nothing if journal is None else journal.was_result,
    )
    faults = [
        *((Subject(None, one.name) if one.sound else Subject(one.name), one.error) for one in found.faults),
        *((Subject(str(one.target), None if one.sound is None else str(one.sound)), one.error) for one in refused),
    ]
    return Settled(tuple(outputs), tuple(faults), found.left_alone, journal if are_many(found.files) else None)


def _nothing(_path: Path) -> bool:
    return False
