"""Where results go: all names settled and checked before any work, all files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facefusion_cli.core.media.atomic import AtomicFile, Exists, check_destination
from facefusion_cli.core.media.disk_errors import output_error
from facefusion_cli.core.media.formats import is_video_suffix, output_format, suffix_kind
from facefusion_cli.core.media.kinds import is_animated, read_head
from facefusion_cli.core.media.naming import Target, are_many, default_path, name_outputs
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

    from facefusion_cli.core.media.formats import Kind

__all__ = ["AtomicOutput", "Output", "check_output", "discard_outputs_of", "plan_outputs"]

_open: dict[AtomicOutput, int] = {}
"""Outputs being written, and the thread that does."""


@dataclass(frozen=True, slots=True)
class Output:
    """The place for the result of one target."""

    target: Path
    path: Path
    """Its suffix names a format that can be written; with ``exists`` "number" the file may get a number too."""
    exists: Exists
    kind: Kind = "picture"
    """How the target is to be read and written; an animation that becomes a video is one."""
    make_folder: bool = False
    """Whether the folder is made where it is missing."""


def plan_outputs(
    targets: Sequence[Path | Target],
    out: str | None,
    *,
    clobber: bool = True,
    inputs: Sequence[Path] = (),
    label: str = "swapped",
) -> list[Output]:
    """Settle where the result of each target goes, and that it can be written there.

    ``out`` is what the user asked for: a folder (existing, or ending in a separator; for many targets also one that
    does not exist yet), a template with the placeholders ``{stem}``, ``{suffix}``, ``{name}`` of the target or
    ``{parent}``, the folder it lies in below the one that was named; or one file. Without it the only target's result
    goes beside it as ``{stem}_{label}{suffix}``, numbered if that is taken. ``clobber`` allows replacing files of the
    given name. ``inputs`` are further files that will be read and must not be written to. Of many targets those whose
    results exist and may not be replaced only fail when their turn comes: the others are still wanted; and folders that
    are missing are made then.

    Raises:
        UsageError: names that cannot work: unknown placeholder or format, one name for several targets, a picture that
            would become a video or the reverse.
        OutputError: a folder that is missing or cannot be written, an output that is an input.
        OutputExistsError: the only target's output exists and ``clobber`` is false.
    """
    found = [target if isinstance(target, Target) else Target.named(target) for target in targets]
    many = are_many(found)
    exists: Exists
    if out is None:
        if many:
            what = f"{len(found)} targets need" if len(found) > 1 else f'the folder of "{found[0].path}" needs'
            raise UsageError(
                f"{what} to be told where the results go.",
                hint='Name a folder as the output, or a template such as "{stem}_swapped{suffix}".',
            )
        paths, exists = [default_path(target, label) for target in found], "number"
    else:
        paths, exists = name_outputs(found, out), "replace" if clobber else "refuse"
    kinds = [_kind(target, path) for target, path in zip(found, paths, strict=True)]
    _check(paths, "replace" if exists == "refuse" and many else exists, [*inputs, *(one.path for one in found)], many)
    return [
        Output(target.path, path, exists, kind, many) for target, path, kind in zip(found, paths, kinds, strict=True)
    ]


def check_output(output: Output, inputs: Sequence[Path] = ()) -> None:
    """Raise before the work what ``AtomicOutput`` would raise after it; see there."""
    if not output.make_folder or os.path.lexists(output.path.parent):
        check_destination(output.path, output.exists, [*inputs, output.target])


def make_folder(output: Output) -> None:
    """Make the folder of an output where that is wanted.

    Raises:
        OutputError: it cannot be made.
    """
    if output.make_folder:
        try:
            output.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(output.path, error) from error


class AtomicOutput(AtomicFile):
    """The file of one ``Output`` while it is being written; see ``AtomicFile``.

    ``inputs`` are the files it must not be, besides its own target.
    """

    def __init__(self, output: Output, inputs: Sequence[Path] = ()) -> None:
        super().__init__(output.path, output.exists, [*inputs, output.target])
        self._output = output

    def __enter__(self) -> AtomicOutput:
        make_folder(self._output)
        super().__enter__()
        _open[self] = threading.get_ident()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _open.pop(self, None)
        super().__exit__(kind, error, trace)


def discard_outputs_of(threads: Collection[int | None]) -> None:
    """Remove the unfinished files of threads that may not come to remove them themselves: the process is to end."""
    for output, thread in [*_open.items()]:
        if thread in threads:
            # Gone where the thread came to it after all. Without it nothing can be given its final name.
            with contextlib.suppress(OSError):
                output.temporary.unlink()


def _kind(target: Target, path: Path) -> Kind:
    """What the result will be, if its suffix is one that the target can have.

    Raises:
        UsageError: it is not.
    """
    animation = target.kind == "picture" and is_video_suffix(path) and is_animated(read_head(target.path))
    kind: Kind = "video" if animation else target.kind
    if suffix_kind(path) not in {kind, None}:
        raise UsageError(
            f'"{target.path}" is a {kind} and cannot be written to "{path}".',
            hint=f'Give the output the suffix of a {kind}, or "{{suffix}}" in a template.',
        )
    output_format(path, kind)
    return kind


def _check(paths: Sequence[Path], exists: Exists, inputs: Iterable[Path], make_folders: bool) -> None:
    """Have every destination checked, each against the one input that it might be, and each missing folder once."""
    known = {identity: path for path in inputs if (identity := _identity(path)) is not None}
    missing = set()
    for path in paths:
        if make_folders and not os.path.lexists(path.parent):
            missing.add(path.parent)
            continue
        identity = None if exists == "number" else _identity(path)
        check_destination(path, exists, [known[identity]] if identity in known else ())
    for folder in missing:
        above = next(one for one in folder.parents if os.path.lexists(one))
        # A file of any name there: it is the folder that is looked at.
        check_destination(above / folder.relative_to(above).parts[0], "number", ())


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):  # what cannot be reached is nothing to protect
        return None
    return status.st_dev, status.st_ino
