"""Where results go: all names settled and checked before any work, all files written whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from facefusion_cli.core.media.atomic import AtomicFile, Exists, check_destination
from facefusion_cli.core.media.formats import output_format
from facefusion_cli.core.media.naming import default_path, name_outputs
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["AtomicOutput", "Output", "plan_outputs"]


@dataclass(frozen=True, slots=True)
class Output:
    """The place for the result of one target."""

    target: Path
    path: Path
    """Its suffix names a format that can be written; with ``exists`` "number" the file may get a number too."""
    exists: Exists


def plan_outputs(
    targets: Sequence[Path], out: str | None, *, clobber: bool = True, inputs: Sequence[Path] = ()
) -> list[Output]:
    """Settle where the result of each target goes, and that it can be written there.

    ``out`` is what the user asked for: a folder (existing, or ending in a separator), a template with the placeholders
    ``{stem}``, ``{suffix}`` or ``{name}`` of the target, or one file. Without it the only target's result goes beside
    it as ``{stem}_swapped{suffix}``, numbered if that is taken. ``clobber`` allows replacing files of the given name.
    ``inputs`` are further files that will be read and must not be written to. Of several targets those whose results
    exist and may not be replaced only fail when their turn comes: the others are still wanted.

    Raises:
        UsageError: names that cannot work: unknown placeholder or format, one name for several targets.
        OutputError: a folder that is missing or cannot be written, an output that is an input.
        OutputExistsError: the only target's output exists and ``clobber`` is false.
    """
    exists: Exists
    if out is None:
        if len(targets) > 1:
            raise UsageError(
                f"{len(targets)} targets need to be told where the results go.",
                hint='Name a folder as the output, or a template such as "{stem}_swapped{suffix}".',
            )
        paths, exists = [default_path(target) for target in targets], "number"
    else:
        paths, exists = name_outputs(targets, out), "replace" if clobber else "refuse"
    for path in paths:
        output_format(path)
    checked: Exists = "replace" if exists == "refuse" and len(paths) > 1 else exists
    for path in paths:
        check_destination(path, checked, [*inputs, *targets])
    return [Output(target, path, exists) for target, path in zip(targets, paths, strict=True)]


class AtomicOutput(AtomicFile):
    """The file of one ``Output`` while it is being written; see ``AtomicFile``.

    ``inputs`` are the files it must not be, besides its own target.
    """

    def __init__(self, output: Output, inputs: Sequence[Path] = ()) -> None:
        super().__init__(output.path, output.exists, [*inputs, output.target])
