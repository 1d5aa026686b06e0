"""Where results go: all names settled and checked before any work, all files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from facefusion_cli.core.media.atomic import AtomicFile, Exists, check_destination
from facefusion_cli.core.media.disk_errors import output_error
from facefusion_cli.core.media.folders import make_folders, tidied
from facefusion_cli.core.media.formats import is_video_suffix, output_format, suffix_kind
from facefusion_cli.core.media.kinds import is_animated, read_head
from facefusion_cli.core.media.naming import Target, are_many, default_path
from facefusion_cli.core.media.places import PlaceCheck, without_results
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType

    from facefusion_cli.core.media.formats import Kind
    from facefusion_cli.errors import OutputError

__all__ = [
    "AtomicOutput",
    "Output",
    "Refused",
    "check_output",
    "discard_outputs_of",
    "make_folder",
    "plan_many",
    "plan_outputs",
    "result_kind",
    "tidy_folder",
]

_open: dict[AtomicOutput, int] = {}
"""Outputs being written, and the thread that does."""


class Refused(NamedTuple):
    """A target whose result cannot be written where it would go."""

    target: Path
    error: OutputError
    sound: Path | None = None


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
    sound: Path | None = None
    """What the target is made to speak; None where nobody speaks."""

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files that this result alone is made from; it can be neither of them."""
        return (self.target,) if self.sound is None else (self.target, self.sound)


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
    ``{parent}``, the folder it lies in below the one that was named, or ``{audio}``, the stem of what it is made to
    speak; or one file. Without it the only target's result
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
    outputs, refused = plan_many(targets, out, clobber=clobber, inputs=inputs, label=label)
    if refused:
        raise refused[0].error
    return outputs


def plan_many(
    targets: Sequence[Path | Target],
    out: str | None,
    *,
    clobber: bool = True,
    inputs: Sequence[Path] = (),
    label: str = "swapped",
    was_result: Callable[[Path], bool] = lambda _path: False,
) -> tuple[list[Output], list[Refused]]:
    """As ``plan_outputs``, but of many targets one whose result cannot be written does not stop the others.

    Results may lie among the targets, as a template has it. A file that was found (not named) and lies where a result
    goes is none of the targets: if ``was_result`` knows it as the result of an earlier run it is to be replaced, else
    it may be somebody's picture, and the target that would be written over it is refused.

    Raises:
        UsageError: see ``plan_outputs``.
        OutputError: the only target's result cannot be written, or no target's, or one that was named would be written
            over another or over one of ``inputs``.
    """
    found = [target if isinstance(target, Target) else Target.named(target) for target in targets]
    if not found:
        return [], []
    many = are_many(found)
    exists: Exists
    if out is None:
        if many:
            what = f"{len(found)} targets need" if len(found) > 1 else f'the folder of "{found[0].path}" needs'
            raise UsageError(
                f"{what} to be told where the results go.",
                hint=f'Name a folder as the output, or a template such as "{{stem}}_{label}{{suffix}}".',
            )
        paths, exists = [default_path(target, label) for target in found], "number"
    else:
        exists = "replace" if clobber else "refuse"
        found, paths = without_results(found, out, was_result)
    kinds = [result_kind(target, path) for target, path in zip(found, paths, strict=True)]
    # Of many what exists fails when its turn comes.
    given = [*inputs, *dict.fromkeys(target.sound for target in found if target.sound is not None)]
    check = PlaceCheck(found, paths, "replace" if exists == "refuse" and many else exists, given, many=many)
    refused = [Refused(found[index].path, error, found[index].sound) for index, error in check.refused.items()]
    outputs = [
        Output(target.path, path, exists, kind, many, target.sound)
        for index, (target, path, kind) in enumerate(zip(found, paths, kinds, strict=True))
        if index not in check.refused and index not in check.left_alone
    ]
    if refused and not outputs and not check.left_alone:  # what is wrong with one is wrong with all
        raise refused[0].error
    return outputs, refused


def check_output(output: Output, inputs: Sequence[Path] = ()) -> None:
    """Raise before the work what ``AtomicOutput`` would raise after it; see there."""
    if not output.make_folder or os.path.lexists(output.path.parent):
        check_destination(output.path, output.exists, [*inputs, *output.inputs])


def make_folder(output: Output) -> None:
    """Make the folder of an output where that is wanted; see ``tidy_folder``.

    Raises:
        OutputError: it cannot be made.
    """
    if output.make_folder:
        try:
            make_folders(output.path.parent)
        except OSError as error:
            raise output_error(output.path, error) from error


def tidy_folder(output: Output) -> AbstractContextManager[None]:
    """Around all work for an output: of the folders made for it, those that stay empty are removed in the end."""
    return tidied(output.path.parent) if output.make_folder else contextlib.nullcontext()


class AtomicOutput(AtomicFile):
    """The file of one ``Output`` while it is being written; see ``AtomicFile``.

    ``inputs`` are the files it must not be, besides what is its own (``Output.inputs``).
    """

    def __init__(self, output: Output, inputs: Sequence[Path] = ()) -> None:
        super().__init__(output.path, output.exists, [*inputs, *output.inputs])
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
            for path in output.unfinished:
                with contextlib.suppress(OSError):
                    path.unlink()


def result_kind(target: Target, path: Path) -> Kind:
    """What the result of a target at ``path`` will be, if its suffix is one that the target can have.

    Raises:
        UsageError: it is not.
    """
    animation = target.kind == "picture" and is_video_suffix(path) and is_animated(read_head(target.path))
    kind: Kind = "video" if animation else target.kind
    if suffix_kind(path) not in {kind, None}:
        what = f'"{target.path}"' if target.sound is None else f'what becomes of "{target.path}"'
        raise UsageError(
            f'{what} is a {kind} and cannot be written to "{path}".',
            hint=f'Give the output the suffix of a {kind}, or "{{suffix}}" in a template.',
        )
    output_format(path, kind)
    return kind
