"""Whether results may go where their names say: among the files they are made from they may meet one of those."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from facefusion_cli.core.media.atomic import Exists, check_destination
from facefusion_cli.core.media.naming import Target, name_outputs
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["PlaceCheck", "without_results"]


def without_results(
    targets: list[Target], out: str, was_result: Callable[[Path], bool]
) -> tuple[list[Target], list[Path]]:
    """``targets`` but for found ones that lie where a result goes and are known as one, and where theirs go."""
    while True:
        paths = name_outputs(targets, out)
        places = {_identity(path) for path in paths} - {None}
        kept = [
            target
            for target in targets
            if not target.was_found or _identity(target.path) not in places or not was_result(target.path)
        ]
        if len(kept) == len(targets):
            return targets, paths
        targets = kept  # names depend on which there are


class PlaceCheck:
    """Has every destination checked, each against the one input that it might be, and each missing folder once."""

    refused: dict[int, OutputError]
    """What is wrong with those of many targets whose results cannot be written, by index."""
    left_alone: set[int]
    """Those that were found where the result of another would go."""

    def __init__(
        self, targets: Sequence[Target], paths: Sequence[Path], exists: Exists, inputs: Sequence[Path], *, many: bool
    ) -> None:
        """``inputs`` are further files that must not be written to.

        Raises:
            OutputError: the result of the only target cannot be written, or one that was named would be written over
                another or over one of ``inputs``.
        """
        self.refused, self.left_alone = {}, set()
        self._targets, self._exists, self._many = targets, exists, many
        self._own = {_identity(target.path): index for index, target in enumerate(targets)}
        self._inputs = {_identity(path): path for path in inputs}
        self._folders: dict[Path, OutputError | None] = {}
        for index, path in enumerate(paths):
            self._check(index, path)

    def _check(self, index: int, path: Path) -> None:
        identity = None if self._exists == "number" else _identity(path)
        over = None if identity is None else self._own.get(identity)
        given = None if identity is None else self._inputs.get(identity)
        if over is not None:
            other = self._targets[over]
            if over != index and given is None and other.was_found and _same_name(path, other.path):
                self.left_alone.add(over)
                self.refused[index] = _in_doubt(self._targets[index].path, path)
                return
            given = other.path
        try:
            if self._many and not os.path.lexists(path.parent):
                self._check_missing(path.parent)
            else:
                check_destination(path, self._exists, [] if given is None else [given])
        except OutputError as error:
            if not self._many or (given is not None and self._targets[index].folder is None):
                raise
            self.refused[index] = error

    def _check_missing(self, folder: Path) -> None:
        if folder not in self._folders:
            self._folders[folder] = _problem_above(folder)
        if error := self._folders[folder]:
            raise error


def _problem_above(folder: Path) -> OutputError | None:
    """Why a folder that is missing cannot be made."""
    above = next(one for one in folder.parents if os.path.lexists(one))
    try:
        # A file of any name there: it is the folder that is looked at.
        check_destination(above / folder.relative_to(above).parts[0], "number", ())
    except OutputError as error:
        return error
    return None


def _in_doubt(target: Path, path: Path) -> OutputError:
    return OutputError(
        f'the result of "{target}" would go to "{path}", which may be a file of its own or an earlier result: both are '
        "left alone.",
        hint="Delete it if it comes from an earlier run; else give the results other names.",
    )


def _same_name(one: Path, other: Path) -> bool:
    """Whether two paths to one file are not merely links to it."""
    return one.name == other.name and os.path.realpath(one.parent) == os.path.realpath(other.parent)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):  # what cannot be reached is nothing to protect
        return None
    return status.st_dev, status.st_ino
